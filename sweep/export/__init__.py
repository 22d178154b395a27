"""Trained models leave the project: folders for transformers, PEFT and llama.cpp, each with a model card."""

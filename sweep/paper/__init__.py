"""The parts of a paper on runs: tables, a methods paragraph, numbers, references and answers to checklists."""

"""Imports for a forkserver (torch, the command, a cached base), so that drivers start in milliseconds.

It must stay single-threaded, because forking a process with threads is unsafe. It starts with `processes.ENVIRONMENT`.
"""

import os

import sacrebleu
import torch

import model.training
import sweep.cli.commands
import sweep.cli.summary
import sweep.execution.driver
import sweep.execution.trial
import sweep.prepare
import sweep.progress.reporters
import sweep.reporting.leaderboard
import sweep.reporting.paper_scores
import sweep.reporting.tables
from model.process_cache import warm_base

torch.set_num_threads(1)
warm_base("tiny", None)
THREADS = len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 1
LOADED = (sacrebleu, model, sweep)

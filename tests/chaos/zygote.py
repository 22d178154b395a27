"""What a forkserver imports once, so that a driver starts in milliseconds: torch, the command, a warm base.

One thread only: a process with several must not fork. `processes.ENVIRONMENT` is set when it starts.
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
import sweep.reporting.leaderboard
import sweep.reporting.paper_scores
import sweep.reporting.progress
import sweep.reporting.tables
from model.process_cache import warm_base

torch.set_num_threads(1)
warm_base("tiny", None)
THREADS = len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 1
LOADED = (sacrebleu, model, sweep)

"""Environment variables and sizes that a Ray of our own runs with."""

import secrets

# Ray reads these when it is imported.
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # else Ray takes 127.0.0.1 for this machine's outward address
LOCAL_ENVIRONMENT = {**LOOPBACK, "RAY_AUTH_MODE": "token"}
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # the ledger is the log
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",  # a lost worker is told of by the driver, in one line
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # signals are heard in sweep/execution/interrupts.py
    "RAY_DISABLE_FAILURE_SIGNAL_HANDLER": "1",  # it takes SIGTERM, and leaves the default behind: a sudden end
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}
OBJECT_STORE_BYTES = 192 * 2**20  # reports are small; weights go by path
TOKEN = secrets.token_hex(32)  # one for the life of this process: Ray reads it once and keeps it
SHUTDOWN_SECONDS = 15  # for Ray's processes to be gone
LOOK_SECONDS = 0.5  # between two looks of the watchdog

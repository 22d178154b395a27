"""Environment variables, sizes and times that our Ray runs with."""

import secrets

# Ray reads these when it is imported.
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # else Ray replaces 127.0.0.1 by this machine's external address
LOCAL_ENVIRONMENT = {
    **LOOPBACK,
    "RAY_AUTH_MODE": "token",
    # Ray's services retry a failed connection after this time: with Ray's own 1000 ms, many starts take a second longer
    "RAY_raylet_client_connect_timeout_milliseconds": "20",
    "RAY_raylet_client_num_connect_attempts": "500",  # 10 s in total, as in Ray
    "RAY_prestart_worker_first_driver": "0",  # Tune cannot use them: its workers need other environment variables
}
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # the ledger is the log
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",  # the driver reports a lost worker in one line
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # sweep/execution/interrupts.py handles signals
    "RAY_DISABLE_FAILURE_SIGNAL_HANDLER": "1",  # Ray's would replace our SIGTERM handler and end the process
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}
OBJECT_STORE_BYTES = 192 * 2**20  # reports are small; weights are passed as paths
TOKEN = secrets.token_hex(32)  # one per process, because Ray reads it only once
SHUTDOWN_SECONDS = 15  # time for Ray's processes to end
CHECK_SECONDS = 0.5  # between two checks of the watchdog

"""Check whether the hub that bases and data sets come from can be reached."""

from sweep.doctor.findings import Check, note, ok

TIMEOUT_SECONDS = 5
REMEDY = (
    "`tiny` needs no hub. For other bases: HF_ENDPOINT for a mirror, HTTPS_PROXY for a proxy, HF_HUB_OFFLINE=1 with a "
    "cache filled elsewhere (HF_HOME), or the folder of a checkpoint as --base"
)


def hub() -> Check:
    """Ask the endpoint that huggingface_hub would ask, by its own session, so that proxies count alike."""
    from huggingface_hub import constants, get_session

    if constants.HF_HUB_OFFLINE:
        return ok("hub", f"offline by HF_HUB_OFFLINE: only what is in {constants.HF_HUB_CACHE} is used")
    try:
        status = get_session().head(constants.ENDPOINT, timeout=TIMEOUT_SECONDS).status_code
    except Exception as error:  # the client has changed its transport, and with it what that raises
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        return note("hub", f"{constants.ENDPOINT} cannot be reached: {reason}", REMEDY)
    if status >= 500:
        return note("hub", f"{constants.ENDPOINT} answers with status {status}", REMEDY)
    return ok("hub", f"{constants.ENDPOINT} answers")

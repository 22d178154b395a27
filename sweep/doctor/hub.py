"""Check whether the hub that bases and data sets come from can be reached."""

from sweep.doctor.findings import Check, note, ok

TIMEOUT_SECONDS = 5
REMEDY = (
    "`tiny` needs no hub. For other bases, set HF_ENDPOINT to a mirror or HTTPS_PROXY to a proxy, use HF_HUB_OFFLINE=1 "
    "with a cache that was filled elsewhere (HF_HOME), or pass the folder of a checkpoint as --base"
)


def hub() -> Check:
    """Query the endpoint of huggingface_hub with its own session, so that the same proxies apply."""
    from huggingface_hub import constants, get_session

    if constants.HF_HUB_OFFLINE:
        return ok("hub", f"offline because of HF_HUB_OFFLINE: only files in {constants.HF_HUB_CACHE} are used")
    try:
        status = get_session().head(constants.ENDPOINT, timeout=TIMEOUT_SECONDS).status_code
    except Exception as error:  # the errors depend on the client's transport, which has changed before
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        return note("hub", f"{constants.ENDPOINT} cannot be reached: {reason}", REMEDY)
    if status >= 500:
        return note("hub", f"{constants.ENDPOINT} answers with status {status}", REMEDY)
    return ok("hub", f"{constants.ENDPOINT} answers")

"""Runs kosoku (Autobahn's cases) against an echo socket; prints one JSON object per case. Judges nothing."""

import asyncio
import json
import os
import sys

from kosoku import FailureError, run_fuzzingclient


async def main():
    try:
        results = await run_fuzzingclient(sys.argv[1], sys.argv[2:], None, concurrency=4)
    except FailureError as failure:
        results = failure.results
    for result in results:
        print(json.dumps({
            "case": result.case_id,
            "behavior": result.behavior.value,
            "close": result.behavior_close.value,
            "code": result.remote_close_code,
            "why": result.result + " / " + result.result_close,
        }))


asyncio.run(main())
# kosoku's own threads may still run when the interpreter is torn down, and then abort the process without a word (one
# exit in eight of a short run). Everything is printed by now, so the tearing down is left out.
sys.stdout.flush()
os._exit(0)

"""The socket transport against the cases of the Autobahn test suite, as kosoku runs them."""

import asyncio
from functools import partial

from kosoku import FailureError, run_fuzzingclient
from kosoku._kosoku import Behavior, BehaviorClose

# Framing, pings, reserved bits, opcodes, fragmentation, UTF-8, closing, automatic fragmentation. 9 measures limits and
# 12 and 13 compression, which is not offered.
GROUPS = {"1": 16, "2": 11, "3": 7, "4": 10, "5": 20, "6": 141, "7": 37, "10": 1}
WELL = (Behavior.OK, Behavior.NON_STRICT, Behavior.INFORMATIONAL)
CLOSED_WELL = (BehaviorClose.OK, BehaviorClose.INFORMATIONAL)


def conforms(address, group, least):
    url = address.replace("http://", "ws://") + "/ws/echo"
    results = asyncio.run(run(url, group))
    bad = [
        f"{result.case_id}: {result.behavior.value}, close {result.behavior_close.value}"
        for result in results
        if result.behavior not in WELL or result.behavior_close not in CLOSED_WELL
    ]
    assert not bad, "\n".join(bad)
    assert len(results) >= least, f"only {len(results)} cases ran"


async def run(url, group):
    try:
        return await run_fuzzingclient(url, [f"{group}.*"], [], concurrency=4)
    except FailureError as failure:
        return failure.results


def tests(address):
    for group, least in GROUPS.items():
        yield f"kosoku group {group}", partial(conforms, address, group, least)

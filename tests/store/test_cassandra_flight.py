"""Many calls on their way to a store of rows at a time, but no more than a bound, and none that goes on after one failed."""

import asyncio
import gc
from functools import partial

import pytest

from syndb_graphql.store.cassandra.writing import _Flight


@pytest.fixture
async def complaints():
    """What the event loop found left lying: failures that nobody looked at."""
    found = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: found.append(context["message"]))
    return found


async def test_no_more_than_the_bound_are_on_their_way_and_all_arrive():
    under_way, most, arrived = 0, 0, []

    async def call(number: int) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.001 * (number % 3))
        under_way -= 1
        arrived.append(number)

    flight = _Flight(4)
    for number in range(30):
        await flight.take_off(partial(call, number))
    await flight.land()
    assert sorted(arrived) == list(range(30))
    assert most == 4


@pytest.mark.parametrize("failing", [{0}, {29}, {3, 4, 5}, set(range(30))])
async def test_the_first_that_fails_ends_all_and_no_other_failure_is_left_lying(failing, complaints):
    ended = []

    async def call(number: int) -> None:
        try:
            await asyncio.sleep(0.001)
            if number in failing:
                raise ConnectionError(number)
            await asyncio.sleep(0.001)
        finally:
            ended.append(number)

    async def fly(flight: _Flight) -> None:
        try:
            for number in range(30):
                await flight.take_off(partial(call, number))
            await flight.land()
        finally:
            flight.abandon()

    flight = _Flight(8)
    with pytest.raises(ConnectionError) as caught:
        await fly(flight)
    assert caught.value.args[0] in failing
    await asyncio.gather(*flight._tasks, return_exceptions=True)
    assert len(ended) <= min(failing) + 16
    del flight, caught
    gc.collect()
    assert complaints == []


async def test_what_did_not_begin_is_not_sent(complaints):
    """Whoever is cancelled while it waits for its turn has sent nothing."""
    asked = []

    async def wait() -> None:
        await asyncio.Event().wait()

    async def ask() -> None:
        asked.append(True)

    flight = _Flight(1)
    await flight.take_off(wait)
    waiting = asyncio.ensure_future(flight.take_off(ask))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    flight.abandon()
    await asyncio.gather(*flight._tasks, return_exceptions=True)
    assert asked == []
    assert complaints == []

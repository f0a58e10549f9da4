"""Reads one after another: in order, at most one ahead, and none left behind."""

import asyncio
from contextlib import aclosing

import pytest

from syndb_graphql.api.plan.ahead import read_in_turn


class Source:
    """Numbers that are read, of which each says where the next one begins; `log` tells what happened."""

    def __init__(self, count: int, failing: int | None = None) -> None:
        self.log: list[str] = []
        self.given_up = False
        self._count, self._failing = count, failing

    def following(self, last: int | None):
        number = 0 if last is None else last + 1
        if number == self._count:
            return None

        async def read() -> int:
            self.log.append(f"read {number}")
            try:
                for _ in range(3):
                    await asyncio.sleep(0)
            except asyncio.CancelledError:
                self.given_up = True
                raise
            if number == self._failing:
                raise ValueError(number)
            return number

        return read

    async def take(self, *, ahead: bool, most: int = 100) -> None:
        found = read_in_turn(self.following, ahead=ahead)
        async with aclosing(found):
            async for number in found:
                self.log.append(f"answered {number}")
                await asyncio.sleep(0)
                if number + 1 == most:
                    return


async def test_the_next_is_read_while_the_last_is_answered_and_never_two():
    source = Source(3)
    await source.take(ahead=True)
    assert source.log == ["read 0", "read 1", "answered 0", "read 2", "answered 1", "answered 2"]


async def test_without_reading_ahead_each_is_answered_before_the_next_is_read():
    source = Source(3)
    await source.take(ahead=False)
    assert source.log == ["read 0", "answered 0", "read 1", "answered 1", "read 2", "answered 2"]


async def test_who_leaves_leaves_nothing_under_way():
    source = Source(5)
    found = read_in_turn(source.following, ahead=True)
    async with aclosing(found):
        assert await anext(found) == 0
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert source.log == ["read 0", "read 1"]
    assert source.given_up


@pytest.mark.parametrize("ahead", [True, False])
async def test_a_failure_is_told_when_its_turn_comes(ahead):
    source = Source(3, failing=1)
    with pytest.raises(ValueError, match="1"):
        await source.take(ahead=ahead)
    assert source.log[-1 if ahead else 1] == "answered 0"


async def test_a_failure_ahead_of_who_left_is_not_heard_of():
    source = Source(3, failing=1)
    await source.take(ahead=True, most=1)
    assert source.log == ["read 0", "read 1", "answered 0"]

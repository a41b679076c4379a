"""The same map by the provider's batches: half the price, and answers within hours.

A shard is on record before it is sent, and sent once: what a killed process may have made is looked for in
the provider's list first. What a batch leaves open (500s, ids in neither file) is in the next shard. One
whose batch or results are not there any more, or not for this key, is never sent again: that is an error.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

from ..agent import Agent, Call, Reply
from ..errors import BudgetStop, ProviderError, WaitingForBatch
from ..log import setup_logging
from ..wording import count
from . import catalog
from .call_error import CallError, explain, one_line, status_error
from .groq import Exchange, is_completion
from .jobs import TURNS, Job
from .journal import Shard
from .replies import answered, unanswered
from .retry import groq_rate_limit
from .sender import Sender, now

logger = setup_logging(__name__)
MOST_LINES, MOST_BYTES = 1_000, 50_000_000  # of a shard, as Groq recommends
OVER = ("completed", "failed", "expired", "cancelled")
NO_PLAN = "not_available_for_plan"
ORDINARY = 'Set execution = "now" to ask the ordinary way; what is paid for is kept.'
Wanted = dict[str, tuple[Agent, Call]]  # by key


class Batches:
    """What jobs have left to ask, asked by batches; `jobs` reads them anew from what is on record."""

    def __init__(self, sender: Sender, run: str, jobs: Callable[[], list[Job]]) -> None:
        self._sender, self._run, self._jobs = sender, run, jobs
        self._journal, self._transport = sender.journal, sender.provider.transport
        self._given_up: dict[str, Reply] = {}
        self._ended: set[int] = set()  # shards that have been read, whatever of them is not wanted now
        self._breaks = 0  # of the connection, in a row

    async def settle(self) -> list[Job]:
        """The jobs with nothing left. Raises WaitingForBatch while the provider works on a batch.

        Raises BudgetStop before a shard that could pass a ceiling, ProviderError for what no batch can do.
        """
        while True:
            jobs = self._jobs()
            asked = {key: call for job in jobs for key, call in _open(job, self._journal.on_record)}
            agents = {key: job.agent for job in jobs for key in job.keys}
            wanted: Wanted = {
                call.key: (agents[key], call) for key, call in asked.items() if call.key not in self._given_up
            }
            if not wanted:
                break
            await self._step(wanted)
        for job in jobs:
            mine = [key for key in asked if key in job.items]
            job.settled |= {key: self._given_up[asked[key].key] for key in mine}
        await self._journal.close_shards()  # a later run asks what failed as often again
        return jobs

    async def _step(self, wanted: Wanted) -> None:
        """Read what is over, else ask what nobody works on, else say that there is nothing to do but wait."""
        shards = await self._journal.shards()
        mine = [one for one in shards if one.state != "done" and wanted.keys() & set(one.keys)]
        live = [one for one in mine if one.state != "read" and one.id not in self._ended]
        rows = await self._rows(live)
        over = [one for one in live if one.id in rows and rows[one.id].get("status") in OVER]
        for one in over:
            await self._read(one, rows[one.id], wanted)
        if over or len(rows) < len(live):
            return
        turns = Counter(key for one in mine if one not in live for key in one.keys)
        pending = {key for one in live for key in one.keys}
        left = [call for key, (_, call) in wanted.items() if key not in pending]
        for call in [call for call in left if turns[call.key] >= TURNS]:
            await self._give_up(call, f"no answer in {TURNS} batches")
        left = [call for call in left if turns[call.key] < TURNS]
        if not self._tried(shards):  # that a batch takes tools is not documented: one line first
            left = [] if live else left[:1]
        try:
            for some in _shards(left):
                await self._ask(some)
        except BudgetStop:
            if not live:
                raise
            left = []
        if live and not left:
            raise WaitingForBatch(_waiting(live, list(rows.values())))

    def _tried(self, shards: Sequence[Shard]) -> bool:
        """Whether a batch has ever brought the run a reply."""
        read = [key for one in shards if one.state in ("read", "done") for key in one.keys]
        return bool(self._journal.on_record.replies(read))

    async def _ask(self, calls: Sequence[Call]) -> None:
        """Put a shard on record, upload it and make its batch. Raises BudgetStop where, with all that is
        with the provider, it could pass a ceiling."""
        live = [one for one in await self._journal.shards() if one.state in ("intended", "asked")]
        most = sum(map(self._most_usd, calls))
        known = self._journal.on_record.replies  # of one that is gone, asked the ordinary way
        waiting = [o for o in live if o.id not in self._ended and len(known(o.keys)) < len(o.keys)]
        reserved, more = sum(one.most_usd for one in waiting), sum(len(one.keys) for one in waiting)
        self._sender.budget.check(reserved + most, more + len(calls))
        content = b"\n".join(map(_line, calls))
        shard = await self._journal.intend(sha256(content).hexdigest(), [call.key for call in calls], most)
        try:
            file = await self._transport.upload(f"{self._run}-{shard.id}.jsonl", content)
            row = await self._transport.create_batch(file, self._metadata(shard))
        except CallError as error:
            await self._not_made(shard, error)
            return
        self._breaks = 0
        await self._journal.mark(shard.id, "asked", str(row["id"]))
        logger.info("%d calls are in batch %s", len(calls), row["id"])

    async def _not_made(self, shard: Shard, error: CallError) -> None:
        """What is to be done where the upload or the batch failed: it is looked for, or given up."""
        if not error.retried:
            await self._journal.mark(shard.id, "void")
            self._refuse(error)
        self._breaks += 1
        if self._breaks > TURNS:
            raise ProviderError(explain(error, self._transport.url)) from error
        await self._sender.pause(error.wait_s or 2.0**self._breaks)

    def _refuse(self, error: CallError) -> None:
        if error.code == NO_PLAN:
            raise ProviderError(f"this account's plan has no batches (403: {error.said}). {ORDINARY}")
        raise ProviderError(f"{explain(error, self._transport.url)} {ORDINARY}") from error

    async def _rows(self, live: Sequence[Shard]) -> dict[int, dict[str, Any]]:
        """The batch of each shard by its id. A shard whose batch never was made is void: it is asked again.

        Raises ProviderError for a batch that was made and is not known: it is paid for.
        """
        found: dict[int, dict[str, Any]] = {}
        listed = None
        for one in live:
            if one.batch:
                row = await self._looked(self._transport.batch, one.batch)
                if row is None:
                    raise _gone(f"batch {one.batch}", len(one.keys))
            else:
                listed = listed or await self._looked(self._transport.batches)
                same = [row for row in listed or () if row.get("metadata") == self._metadata(one)]
                row = same[0] if same else None
            if row is None:
                await self._journal.mark(one.id, "void")
            else:
                found[one.id] = row
                await self._journal.mark(one.id, "asked", str(row["id"]))
        return found

    async def _looked(self, ask: Callable[..., Any], *what: str) -> Any:
        """What a request that changes nothing brings; None where there is no such thing."""
        try:
            return await groq_rate_limit(sleep=self._sender.pause)(ask)(*what)
        except CallError as error:
            if error.status != 404:
                self._refuse(error)
            return None

    async def _read(self, shard: Shard, row: dict[str, Any], wanted: Wanted) -> None:
        """Put on record what both files of a batch that is over hold of the wanted calls."""
        if row["status"] != "completed":
            problems = one_line(str(row.get("errors") or "no reason given"))
            logger.warning("batch %s is %s: %s", row["id"], row["status"], problems)
        seen: set[str] = set()
        replies = []
        trial = not self._tried(await self._journal.shards())
        for line in await self._lines(row, len(shard.keys)):
            key = str(line.get("custom_id"))
            if key in wanted and key in shard.keys and key not in seen:
                replies.append(self._reply(*wanted[key], line, trial))
                seen |= {key} if replies[-1] else set()
        await asyncio.gather(*(self._keep(*wanted[one.key], one) for one in replies if one))
        known = self._journal.on_record.replies(shard.keys)
        if all(key in known or key in wanted for key in shard.keys):
            await self._journal.mark(shard.id, "read", str(row["id"]))
        self._ended.add(shard.id)

    async def _lines(self, row: dict[str, Any], calls: int) -> list[dict[str, Any]]:
        """The lines of both files that can be read; a file whose last line is cut is fetched once more."""
        found: list[dict[str, Any]] = []
        for id in (row.get("output_file_id"), row.get("error_file_id")):
            if not id or not isinstance(id, str):
                continue
            for _ in range(2):
                content = await self._looked(self._transport.file, id)
                if content is None:
                    raise _gone(f"file {id}, with results of batch {row['id']}", calls)
                lines = [_parsed(line) for line in content.splitlines()]
                if all(lines):
                    break
            found += [line for line in lines if line]
        return found

    def _reply(self, agent: Agent, call: Call, line: dict[str, Any], trial: bool) -> Reply | None:
        """The reply in a line by its inner status; None where the call is to be asked again."""
        said = line.get("response")
        said = said if isinstance(said, dict) else {}
        status, body = said.get("status_code"), said.get("body")
        exchange = Exchange()
        if status == 200 and is_completion(body):
            exchange.body = body
            usage, model = exchange.usage, self._sender.provider.model(call.model)
            whole = model.cost_usd(usage.get("prompt_tokens"), usage.get("completion_tokens"))
            exchange.cost_usd = None if whole is None else whole * catalog.BATCH_PRICE
            return replace(answered(agent, call, exchange), queue_s=None, server_s=None)
        if status in (None, 200):  # never asked, as in a batch that expired, or no completion
            return None
        error = status_error("BatchLine", status if type(status) is int else 500, body)
        if error.generated is None and not error.retried and trial:
            raise ProviderError(f"a batch does not take these calls ({status}: {error.said}). {ORDINARY}")
        return None if error.retried else unanswered(call, error, exchange, self._transport.url)

    async def _keep(self, agent: Agent, call: Call, reply: Reply) -> None:
        self._sender.budget.paid(reply.cost_usd or 0.0)
        reply = replace(reply, timestamp=now())
        await self._journal.record(call, reply)
        if reply.status == "failed":
            self._given_up[call.key] = reply

    async def _give_up(self, call: Call, why: str) -> None:
        self._given_up[call.key] = reply = Reply(call.key, "failed", error=why, timestamp=now(), attempts=0)
        await self._journal.record(call, reply)

    def _most_usd(self, call: Call) -> float:
        model = self._sender.provider.model(call.model)
        return catalog.BATCH_PRICE * (model.cost_usd(call.most_prompt_tokens, call.max_tokens) or 0.0)

    def _metadata(self, shard: Shard) -> dict[str, str]:
        return {"run": self._run, "shard": str(shard.id), "hash": shard.hash}


def _gone(what: str, calls: int) -> ProviderError:
    return ProviderError(
        f"{what} ({count(calls, 'call')}) is not known to the provider. It is on record as sent, so nothing "
        "of it is sent again. If it was sent with another key, use that one. If it is lost: "
        f"{ORDINARY} The calls of that batch are then asked, and paid for, once more."
    )


def _open(job: Job, record: Any) -> Iterator[tuple[str, Call]]:
    """(key, the call to ask for it): the call itself, or that of a strict agent with its error shown."""
    left = {
        key: job.agent.call(item, job.seed, key) for key, item in job.items.items() if key not in job.settled
    }
    bad = record.replies(left) if job.agent.strict else {}
    for key, call in left.items():
        yield key, call.repaired(bad[key].text, bad[key].error) if key in bad else call


def _line(call: Call) -> bytes:
    body = {
        "model": call.model,
        "messages": [{"role": role, "content": text} for role, text in call.messages],
        "tools": [call.tool.definition],
        "tool_choice": {"type": "function", "function": {"name": call.tool.name}},
        **call.parameters,
    }
    line = {"custom_id": call.key, "method": "POST", "url": "/v1/chat/completions", "body": body}
    return json.dumps(line, ensure_ascii=False).encode()


def _shards(calls: Sequence[Call]) -> Iterator[list[Call]]:
    shard: list[Call] = []
    size = 0
    for call in calls:
        more = len(_line(call)) + 1
        if shard and (len(shard) == MOST_LINES or size + more > MOST_BYTES):
            yield shard
            shard, size = [], 0
        shard.append(call)
        size += more
    if shard:
        yield shard


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _waiting(live: Sequence[Shard], rows: Sequence[dict[str, Any]]) -> str:
    calls, ids = sum(len(one.keys) for one in live), ", ".join(str(row["id"]) for row in rows)
    few = (
        "the first line, which tries whether a batch takes tools, is" if calls == 1 else f"{calls} calls are"
    )
    return (
        f"{few} with the provider ({ids}), at half the price. Come back in an hour; after a day at the "
        "latest it is over. Then run the same command or cell again: it reads what is there and goes on. "
        "What builds on these answers, as a second asking does, is in further batches, within a day each."
    )

"""The composition root: what memfw is made of, in the order in which it is put together.

    config -> policy -> keys -> log -> projections -> recorder -> mounts -> HTTP

`open_house` builds it and takes it down again, whatever happens in between. `firewall.mounts` is its part that knows the
adapters.
"""

import asyncio
import logging
import os
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial

from firewall.admin_token import AdminToken
from firewall.callers import allowances_of, principals_of, take_token
from firewall.config import Config, QuarantineConfig, RetentionConfig
from firewall.core.adjudicate import adjudicate
from firewall.core.compiled import SECONDS_A_DAY, CompiledPolicy
from firewall.core.erasing import forget_texts
from firewall.core.events import PolicyActivated, ScopeKey
from firewall.core.model import Candidate, Context, Family
from firewall.core.state import State
from firewall.errors import ConfigError
from firewall.jsonlog import Journal
from firewall.keyfile import RingSource, ring_source
from firewall.keyring import KeyRing
from firewall.log.open import open_log
from firewall.log.projection import Projections
from firewall.log.retaining import Retention
from firewall.metrics import Metrics
from firewall.mounts import Site, mounted
from firewall.policy.reload import PolicyHolder, Reload
from firewall.ports import EvidenceStore, Trimmed
from firewall.proxy.holds import Holds
from firewall.proxy.limits import Limiter, LimiterSettings
from firewall.proxy.pages import Pages
from firewall.proxy.pipeline import Pipeline
from firewall.proxy.recall import MountSource
from firewall.proxy.releases import Releases
from firewall.proxy.services import Services
from firewall.proxy.stamping import Stamps
from firewall.server.drain import Drain
from firewall.server.house import House
from firewall.service.desk import Desk
from firewall.service.recorder import Recorder
from firewall.service.review.chores import Deletes, Sweep
from firewall.service.review.room import ReviewRoom, ReviewSettings
from firewall.service.review.vault import Vault

POLICY_LOOK_SECONDS = 1.0
#: As many bits of a time as an id has room for: some 9,000 years.
_MILLISECONDS = (1 << 48) - 1
_log = logging.getLogger("memfw")


@asynccontextmanager
async def open_house(
    config: Config,
    *,
    journal: Journal | None = None,
    now: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
    new_id: Callable[[], str] | None = None,
    announce: Callable[[str], None] | None = None,
) -> AsyncIterator[House]:
    """A running memfw without its listening socket. ConfigError or StateError when it cannot be one. `announce` hears a new
    admin token; without it none is made."""
    metrics = Metrics()
    reports = _PolicyReports(metrics)
    policy = PolicyHolder(config.policy, clock=now, on_result=reports)
    async with AsyncExitStack() as stack:
        keys = ring_source(config.state.url, config.keys, now())
        ring = KeyRing(keys.read())
        log = await open_log(config.state.url, signer=ring.signer(), clock=now)
        stack.push_async_callback(log.close)
        projections = Projections(
            log,
            ring=ring,
            clock=monotonic,
            observe_append=metrics.log_append.observe,
            observe_followed=lambda event: metrics.projection_follow.observe(max(0.0, now() - event.at)),
        )
        await projections.start()
        stack.push_async_callback(projections.close)
        for key in {ScopeKey(), *_homes(config)}:
            await projections.load(key)
        retention = _retention(config.retention, log, projections, metrics, now)
        if retention is not None:
            retention.start()
            stack.push_async_callback(retention.close)
        vault, review = Vault(log, ring), _review_settings(config.quarantine)
        deletes = Deletes(projections, vault, dropped=metrics.quarantine_dropped.inc)
        sweep = Sweep(projections, vault, after=review.expire_seconds, now=now)
        recorder = Recorder(
            log,
            projections,
            metrics,
            journal=journal,
            vault=vault,
            settings=review,
            chores=(deletes.settle, sweep.settle),
        )
        reports.begin(recorder, policy.last)
        _warm_up(policy.current, now())
        recorder.start()
        stack.push_async_callback(recorder.close)
        token = AdminToken(config.state.url, announce)
        principals = principals_of(config, token)
        services = Services(
            principals=principals,
            allowances=allowances_of(config, metrics, monotonic),
            policy=lambda: policy.current,
            projections=projections,
            recorder=recorder,
            metrics=metrics,
            ring=ring,
            holds=Holds(vault, projections, review),
            deletes=deletes,
            stamps=Stamps(ring, decision_ids(now), metrics),
            pages=Pages(),
            now=now,
            monotonic=monotonic,
            new_id=new_id or decision_ids(now),
        )
        pipelines = []
        site = Site(config=config, metrics=metrics, ring=ring, monotonic=monotonic)
        for name, upstream in config.upstreams.items():
            mount = mounted(name, upstream, site)
            stack.push_async_callback(mount.client.close)
            pipelines.append(Pipeline(mount, services))
        desk = Desk(
            projections=projections,
            policy=services.policy,
            recorder=recorder,
            review=ReviewRoom(
                vault=vault,
                ring=ring,
                settings=review,
                senders={pipeline.mount.name: Releases(pipeline) for pipeline in pipelines},
                forget=partial(_forget, services.pages),
            ),
            now=now,
            monotonic=monotonic,
            new_id=services.new_id,
            sources={pipeline.mount.name: MountSource(pipeline.mount, services) for pipeline in pipelines},
            upstreams=[pipeline.mount.seen() for pipeline in pipelines],
        )
        limiter = Limiter(
            LimiterSettings(
                concurrency=config.limits.concurrency,
                queue=config.limits.queue,
                queue_timeout=config.limits.queue_timeout,
            ),
            clock=monotonic,
            observe=metrics.queue.observe,
        )
        watching = asyncio.get_running_loop().create_task(policy.watch(_look), name="memfw-policy")
        watching.add_done_callback(_report_end)
        stack.push_async_callback(_end, watching)

        def reload() -> None:
            _reload(policy, ring, keys)
            take_token(principals, token)

        yield House(
            services=services,
            desk=desk,
            log=log,
            pipelines=pipelines,
            drain=Drain(),
            slot=limiter.slot,
            settle=recorder.settle,
            backlog=projections.backlog,
            health=projections.health,
            reload=reload,
            max_body=config.limits.body_bytes,
            max_header=config.limits.header_bytes,
        )


def _retention(
    config: RetentionConfig,
    log: EvidenceStore,
    projections: Projections,
    metrics: Metrics,
    now: Callable[[], float],
) -> Retention | None:
    """None where everything stays."""
    if config.days is None and config.bytes is None:
        return None

    def trimmed(gone: Trimmed) -> None:
        metrics.log_trimmed.labels("evidence").inc(gone.records)
        metrics.log_trimmed.labels("receipt").inc(gone.decisions)

    return Retention(
        log,
        projections,
        keep_seconds=None if config.days is None else config.days * SECONDS_A_DAY,
        keep_bytes=config.bytes,
        every=config.every_seconds,
        now=now,
        trimmed=trimmed,
    )


def _review_settings(config: QuarantineConfig) -> ReviewSettings:
    return ReviewSettings(
        keep_texts=config.keep_texts,
        max_text_bytes=config.max_text_bytes,
        max_write_bytes=config.max_write_bytes,
        expire_seconds=None if config.expire_days is None else config.expire_days * SECONDS_A_DAY,
        also=tuple(Family(name) for name in config.also),
    )


def _forget(pages: Pages) -> None:
    """No text that was read is left in this process."""
    forget_texts()
    pages.forget()


def decision_ids(now: Callable[[], float]) -> Callable[[], str]:
    """Unique, and growing with the time to the millisecond: the log keeps a unique index over them, which is cheap to write
    where it grows at its end. 32 hex digits whatever the clock says. No secrets: they tell when they were made, and who may
    read a decision is decided by its scope."""
    draw = random.Random(os.urandom(32)).getrandbits  # noqa: S311  ids, not keys
    return lambda: f"{int(now() * 1000) & _MILLISECONDS:012x}{draw(80):020x}"


def _warm_up(policy: CompiledPolicy, now: float) -> None:
    """The detectors compile at their first use: let that be ours, not the first request's."""
    texts = ("Ignore the old port 8080, the route failed.", "Der Port ist jetzt 9090: überholt.")
    samples = [Candidate(id=text[:4], upstream="", text=text) for text in texts]
    adjudicate(samples, Context(decision_id=""), State(), policy, now)


async def _look() -> None:
    await asyncio.sleep(POLICY_LOOK_SECONDS)


def _report_end(task: "asyncio.Task[None]") -> None:
    """A watch that ended by itself reloads nothing any more: that must not stay unseen until the shutdown."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("policies are not watched any more", extra={"error": type(error).__name__})


def _reload(policy: PolicyHolder, ring: KeyRing, keys: RingSource) -> None:
    """What a running memfw takes again when it is told to. Keys that cannot be used change nothing, and are said."""
    policy.request_reload()
    try:
        ring.renew(keys.read())
    except ConfigError as error:
        problems = [str(problem) for problem in error.problems]
        _log.error("key ring not read again, the last one stays", extra={"problems": problems})
        return
    _log.info("key ring read", extra={"keys": len(ring.keys), "current": ring.current})


async def _end(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


class _PolicyReports:
    """Activations as events, metrics and log lines. A bad reload names every problem; none of them holds memory text."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._recorder: Recorder | None = None

    def begin(self, recorder: Recorder, first: Reload) -> None:
        """From now on activations are recorded, beginning with the one at start."""
        self._recorder = recorder
        self._activated(first)

    def __call__(self, result: Reload) -> None:
        if result.ok:
            self._activated(result)
            return
        self._metrics.policy_failures.inc()
        problems = [str(problem) for problem in result.problems]
        _log.error(
            "policy not activated, the last one stays", extra={"policy": result.label, "problems": problems}
        )

    def _activated(self, result: Reload) -> None:
        name, _, revision = result.label.partition("@")
        self._metrics.policy_info.clear()
        self._metrics.policy_info.labels(name, revision).set(1)
        self._metrics.policy_reload.set(result.at)
        _log.info("policy activated", extra={"policy": result.label})
        if self._recorder is not None and result.changed:
            event = PolicyActivated(name=name, revision=revision, at=result.at)
            self._recorder.note(ScopeKey(), event)


def _homes(config: Config) -> list[ScopeKey]:
    """The scopes that are warm before the first request."""
    return [ScopeKey(entry.tenant, scope) for entry in config.principals for scope in entry.scopes]

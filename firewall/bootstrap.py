"""The composition root: what memfw is made of, in the order in which it is put together.

    config -> policy -> log -> projections -> recorder -> mounts -> HTTP

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

from firewall.config import Config, PrincipalConfig
from firewall.core.adjudicate import adjudicate
from firewall.core.compiled import CompiledPolicy
from firewall.core.events import PolicyActivated, ScopeKey
from firewall.core.model import Candidate, Context, Trust
from firewall.core.state import State
from firewall.jsonlog import Journal
from firewall.log.projection import Projections
from firewall.log.sqlite import SqliteLog
from firewall.metrics import Metrics
from firewall.mounts import Site, mounted
from firewall.policy.reload import PolicyHolder, Reload
from firewall.proxy.limits import Limiter, LimiterSettings
from firewall.proxy.pipeline import Pipeline
from firewall.proxy.recall import MountSource
from firewall.proxy.services import Services
from firewall.server.drain import Drain
from firewall.server.house import House
from firewall.service.desk import Desk
from firewall.service.principals import Principal, Principals, Role
from firewall.service.recorder import Recorder

POLICY_LOOK_SECONDS = 1.0
_log = logging.getLogger("memfw")


@asynccontextmanager
async def open_house(
    config: Config,
    *,
    journal: Journal | None = None,
    now: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
    new_id: Callable[[], str] | None = None,
) -> AsyncIterator[House]:
    """A running memfw without its listening socket. ConfigError or StateError when it cannot be one."""
    metrics = Metrics()
    reports = _PolicyReports(metrics)
    policy = PolicyHolder(config.policy, clock=now, on_result=reports)
    async with AsyncExitStack() as stack:
        log = await SqliteLog.open(config.state.url, clock=now)
        stack.push_async_callback(log.close)
        projections = Projections(log, clock=monotonic, observe_append=metrics.log_append.observe)
        await projections.start()
        stack.push_async_callback(projections.close)
        for key in {ScopeKey(), *_homes(config)}:
            await projections.load(key)
        recorder = Recorder(log, projections, metrics, journal=journal)
        reports.begin(recorder, policy.last)
        _warm_up(policy.current, now())
        recorder.start()
        stack.push_async_callback(recorder.close)
        services = Services(
            principals=Principals(_principal(entry) for entry in config.principals),
            policy=lambda: policy.current,
            projections=projections,
            recorder=recorder,
            metrics=metrics,
            now=now,
            monotonic=monotonic,
            new_id=new_id or decision_ids(),
        )
        pipelines = []
        site = Site(config=config, metrics=metrics, monotonic=monotonic)
        for name, upstream in config.upstreams.items():
            mount = mounted(name, upstream, site)
            stack.push_async_callback(mount.client.close)
            pipelines.append(Pipeline(mount, services))
        desk = Desk(
            projections=projections,
            policy=services.policy,
            recorder=recorder,
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
        yield House(
            services=services,
            desk=desk,
            log=log,
            pipelines=pipelines,
            drain=Drain(),
            slot=limiter.slot,
            settle=recorder.settle,
            held_items=projections.held_items,
            health=projections.health,
            reload_policy=policy.request_reload,
            max_body=config.limits.body_bytes,
            max_header=config.limits.header_bytes,
        )


def decision_ids() -> Callable[[], str]:
    """Unique, no secrets: who may read a decision is decided by its scope. Much cheaper than asking the system each time."""
    draw = random.Random(os.urandom(32)).getrandbits  # noqa: S311  ids, not keys
    return lambda: f"{draw(128):032x}"


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


def _principal(entry: PrincipalConfig) -> tuple[str, Principal]:
    return entry.key.get_secret_value(), Principal(
        name=entry.name,
        tenant=entry.tenant,
        scopes=entry.scopes,
        role=Role(entry.role),
        max_trust=Trust[entry.max_trust],
        agent=entry.agent,
        team=entry.team,
        may_act_as=entry.may_act_as,
        pin=entry.pin,
        native=not entry.upstream_key,
    )

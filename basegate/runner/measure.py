"""From a check to its measurement: read from the store, or measured now and stored."""

from __future__ import annotations

import os
import platform
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from basegate.checks.early_stopping import ALL_SAMPLES, MeasureTask, StoppingRule, is_enough
from basegate.checks.identity import (
    identify_check,
    identify_software,
    installed_version,
    library_versions,
)
from basegate.config.declaration import declaration_of, origin_of
from basegate.config.settings import CheckConfig
from basegate.engines.batching import NO_CACHE
from basegate.engines.devices import gpu_name
from basegate.engines.protocol import Engine
from basegate.errors import BasegateError, InvalidMeasurement, NotKept
from basegate.i18n.messages import Message
from basegate.measurement import Earlier, Findings, Measurement, Work
from basegate.progress import Progress
from basegate.runner.candidate import Candidate
from basegate.runner.unforeseen import unforeseen, watching
from basegate.serialization import digest
from basegate.store.file_batch_cache import FileBatchCache
from basegate.store.folder import Store

Measurer = Callable[["Candidate", "Job", Progress], Measurement]
"""What makes a measurement: `measure`, or another process that calls it."""


@dataclass(frozen=True)
class Job:
    """One measurement that has to be made. It can be sent to another process."""

    check: CheckConfig
    key: str
    identity: dict[str, Any]  # what the key is the digest of
    stopping: StoppingRule  # how many samples of a question are wanted
    remeasure: bool  # ignore what is stored, and what is half done unless it was begun so
    store: Path


def measure(candidate: Candidate, job: Job, progress: Progress) -> Measurement:
    """Make a measurement in this process, resuming an interrupted one; store it.

    Raises:
        InvalidMeasurement: it could not be made, or is broken.
    """
    store = Store(job.store)
    name = Message(
        "{candidate}: {check} on {item}",
        candidate=candidate.name,
        check=job.check.name,
        item=job.check.item,
    )

    waiting = Message("{name}: another run is measuring this; waiting for it", name=name)
    with store.measuring(job.key, waiting=lambda: progress.status(waiting)) as cache:
        # Another run may have made it since this one looked.
        found = _stored_beside(cache, job, store)
        if found is not None and is_enough(found.findings, job.stopping):
            return found
        if found is not None:
            more = Message(
                "{name}: the limit needs more than was measured before; the rest is measured now.",
                name=name,
            )
            progress.status(more)
        if len(cache):
            progress.status(Message("{name}: goes on where an earlier run was ended.", name=name))
        try:
            measurement = _measure(candidate, job, found, cache, progress)
        # Whatever ended it: that what was done is lost, too, is worth knowing.
        except Exception:
            if cache.trouble:
                _say_not_kept(store, cache.trouble)
            raise
        cache.finish(measurement)
        try:
            store.put(measurement)
        except OSError as error:
            _say_not_kept(store, error.strerror or str(error))
        else:
            cache.discard()
        return measurement.model_copy(update={"earlier": _earlier(found, cache)})


def get_or_measure(
    candidate: Candidate,
    check: CheckConfig,
    store: Store,
    *,
    stopping: StoppingRule = ALL_SAMPLES,
    remeasure: bool,
    progress: Progress,
    measurer: Measurer = measure,
) -> Measurement:
    """The measurement of a check, from the store or made by `measurer`.

    The candidate is loaded only for the latter. `stopping` says how many samples of a question are
    wanted; `remeasure` does not look at what is stored.

    Raises:
        InvalidMeasurement: it could not be made, or is broken.
    """
    job = job_of(candidate, check, store, stopping=stopping, remeasure=remeasure)
    found = stored(job, store)
    if found is None or not is_enough(found.findings, stopping):
        found = measurer(candidate, job, progress)
    else:
        store.tidy(found)
    # The key leaves names out: under another name it is the same measurement.
    earlier = found.earlier
    if earlier is not None and found.candidate.name != candidate.name:
        earlier = earlier.model_copy(update={"name": found.candidate.name})
    return found.model_copy(update={"item": check.item, "earlier": earlier})


def job_of(
    candidate: Candidate,
    check: CheckConfig,
    store: Store,
    *,
    stopping: StoppingRule = ALL_SAMPLES,
    remeasure: bool = False,
) -> Job:
    """What has to be measured, unless the store has it; raises as `identify`."""
    identity = identify(candidate, check)
    return Job(check, digest(identity), identity, stopping, remeasure, store.folder)


def stored(job: Job, store: Store) -> Measurement | None:
    """What the store has of it, perhaps less than is wanted; `None` for nothing, or if not asked.

    Whether it is enough, `is_enough` tells.
    """
    if job.remeasure or (found := store.get(job.key)) is None:
        return None
    return found.model_copy(update={"earlier": Earlier(whole=True)})


def _earlier(before: Measurement | None, cache: FileBatchCache) -> Earlier | None:
    taken, in_all = cache.tally
    if before is None and not taken:
        return None
    return Earlier(samples=before is not None, batches=taken, batches_in_all=in_all)


def _stored_beside(cache: FileBatchCache, job: Job, store: Store) -> Measurement | None:
    """What is stored, if that is asked for; drops from the cache what is in it."""
    found = store.get(job.key)
    if found is not None and cache.is_of(found):
        cache.forget()
    if job.remeasure:
        cache.begin_anew()
    return stored(job, store)


def _measure(
    candidate: Candidate,
    job: Job,
    before: Measurement | None,
    cache: FileBatchCache,
    progress: Progress,
) -> Measurement:
    made = declaration_of(job.check.name)
    # Data first: a wrong path should show before tens of gigabytes are loaded.
    with watching(job.check, candidate.name, "reading", job.store):
        data = call(job.check.name, made.prepare, job.check.settings)
    with unforeseen(candidate.name, "loading", candidate.spec.source, job.store):
        engine = candidate.engine()
    progress.phase("measuring")
    earlier = before.findings if before is not None else None
    cache.start()
    asked_before = _workload(engine)
    engine.batch_cache = cache
    try:
        task = MeasureTask(data, job.check.settings, progress, job.stopping, earlier)
        with watching(job.check, candidate.name, "measuring", job.store):
            findings = call(job.check.name, made.measure, engine, task)
    finally:
        engine.batch_cache = NO_CACHE
    if not isinstance(findings, Findings):
        raise _broken(job.check.name, f"returned {type(findings).__name__}, not Findings")
    _check_finite(findings)
    seconds, retries = cache.spent()
    asked = _workload(engine)
    work = None if asked is None or asked_before is None else asked - asked_before
    if before is not None:
        seconds += before.seconds
        retries += int(before.findings.facts.get("memory_retries") or 0)
        work = None if work is None or before.work is None else work + before.work
    return Measurement(
        key=job.key,
        check=job.check.name,
        item=job.check.item,
        candidate=candidate.facts(),
        findings=_noting(findings, engine, retries),
        identity=job.identity,
        environment=environment(candidate.device),
        seconds=seconds,
        work=work,
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _workload(engine: Engine) -> Work | None:
    """What was asked of an engine so far; `None` of a null model, which has no tokens."""
    found: Work | None = getattr(engine, "workload", None)
    return found


def call(name: str, function: Callable[..., Any], *given: Any) -> Any:
    """Call a function of a check; of one of the project's own it is told which one is broken."""
    try:
        return function(*given)
    except BasegateError:
        raise
    except Exception as error:
        if origin_of(name).is_ours:
            raise
        raise _broken(name, f"raised {type(error).__name__}: {error}") from error


def _broken(name: str, what: str) -> RuntimeError:
    return RuntimeError(
        f"the check {name} ({origin_of(name).shown}) {what}. Nothing was measured: correct the "
        "check, or let it raise InvalidMeasurement where its number would mean nothing."
    )


def _check_finite(findings: Findings) -> None:
    for metric in findings.metrics:
        if metric.value is None and not metric.informative:
            reason = Message(
                "{name} is not a finite number: it is beyond what a number can hold, so "
                "nothing can be held against a limit. The model is numerically unstable: try "
                "another --dtype or --quantization.",
                name=metric.name,
            )
            raise InvalidMeasurement(reason)


def _noting(findings: Findings, engine: Engine, retries: int) -> Findings:
    """Add what every measurement says: the prefix, and what was unusual about it."""
    notes = _about_files(engine, bool(findings.samples))
    findings = findings.noting(*notes, prefix=engine.prefix)
    if not retries:
        return findings
    note = Message(
        "batches that did not fit into memory were halved ({count} times in all); the numbers are "
        "not affected.",
        count=retries,
    )
    return findings.noting(note, memory_retries=retries)


def _about_files(engine: Engine, sampled: bool) -> Iterator[str]:
    """Notes on what was read otherwise than elsewhere, or deserves less trust than safetensors."""
    if engine.loaded is None:
        return
    yield from engine.loaded.notes
    yield from engine.loaded.of_samples if sampled else ()
    if engine.loaded.weights == "pickle":
        yield Message(
            "its weights are .bin files (pickle), read as numbers only: code in them would not "
            "have run."
        )
    if engine.loaded.quantized_before:
        yield Message(
            "its weights were quantised before, in a GGUF file ({types}), and dequantised to "
            "bfloat16 from there: the checkpoint that the file was made from may give other "
            "numbers.",
            types=engine.loaded.quantized_before,
        )
    if engine.loaded.code:
        yield Message("Python code of the checkpoint was run, as --trust-remote-code asked.")


def _say_not_kept(store: Store, reason: str) -> None:
    """Warn, with the same words for whatever it was: a full disk is told once and not per check."""
    warnings.warn(
        f"not all that was measured could be kept in {store.folder} ({reason}). It is judged now, "
        "and the next run measures again what was not kept batch by batch either. Free some space, "
        "or give another --store.",
        NotKept,
        stacklevel=2,
    )


def identify(candidate: Candidate, check: CheckConfig) -> dict[str, Any]:
    """Everything that can change a measurement's numbers; limits cannot.

    Raises:
        InvalidMeasurement: candidate or data cannot be found.
    """
    spec = candidate.spec
    source = {} if spec.local else {"source": spec.source}
    return {
        "candidate": {
            **source,
            "revision": candidate.revision,
            "engine": spec.engine,
            "quantization": spec.quantization,
            "dtype": spec.dtype,
            "device": candidate.device,
            # Only where it is another than the candidate's own: that rounds otherwise.
            **({"compute": compute} if (compute := candidate.compute_dtype) else {}),
            **candidate.identity,
        },
        **identify_check(check),
        **identify_software(check.name),
    }


def environment(device: str) -> dict[str, str | None]:
    """Where a measurement is made, or judged, as the ledger describes it."""
    return {
        "basegate": installed_version("basegate"),
        "python": platform.python_version(),
        **library_versions(),
        "platform": f"{platform.system()} {platform.machine()}",
        "device": device,
        "gpu": gpu_name() if device == "cuda" else None,
        "cpus": str(os.cpu_count()),
    }

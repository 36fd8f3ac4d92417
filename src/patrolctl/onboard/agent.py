"""The agent on a vehicle's companion computer: plays what is due, and tells.

Two ways lead to the loudspeaker and both end in the same queue: a ``play``
command from the service, and a cue of the loaded sheet whose station the
autopilot reports to have reached. One key is played once, whichever came
first, in this life of the process or an earlier one.
"""

import asyncio
import logging
import sqlite3
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from patrolctl.clock import Clock, running_beside
from patrolctl.domain.ids import SpeakerId, StationId, VehicleId
from patrolctl.domain.sound import (
    CutBy,
    Playback,
    PlaybackStatus,
    Priority,
    SpeakerState,
)
from patrolctl.mqtt.payloads import CommandPayload, SheetPayload, new_id
from patrolctl.mqtt.turns import TooMany, Turns
from patrolctl.onboard.autopilot import STALE_S, Whereabouts
from patrolctl.onboard.clips import ClipCache, ClipUnavailable
from patrolctl.onboard.cues import Watch
from patrolctl.onboard.diary import Diary
from patrolctl.onboard.fetching import Fetcher
from patrolctl.onboard.health import AMPLIFIER, CLIPS, DEVICE, DISK, Health
from patrolctl.onboard.jobs import Job, commanded, placed, run_of
from patrolctl.onboard.ledger import Ledger
from patrolctl.onboard.player import Outcome, Player
from patrolctl.onboard.reports import Reporter

log = logging.getLogger(__name__)

MOST_WAITING = 32
PROGRESS_S = 1.0
LEFT = "the vehicle left the place"


@dataclass(frozen=True, slots=True)
class Parts:
    """What the agent is made of; built by ``onboard.main``."""

    clock: Clock
    ledger: Ledger
    cache: ClipCache
    player: Player
    reporter: Reporter


class Agent:
    """One loudspeaker on one vehicle."""

    def __init__(
        self, speaker_id: SpeakerId, vehicle_id: VehicleId, parts: Parts
    ) -> None:
        self._speaker_id = speaker_id
        self._vehicle_id = vehicle_id
        self._clock = parts.clock
        self._ledger = parts.ledger
        self._cache = parts.cache
        self._player = parts.player
        self._reporter = parts.reporter
        self._watch = Watch()
        self._jobs: Turns[Job] = Turns(MOST_WAITING)
        self._now: Job | None = None
        self._floor_free = asyncio.Event()  # cleared while somebody talks live
        self._floor_free.set()
        self._hushes = 0
        self._fetcher = Fetcher(parts.cache, parts.clock, self._pinned)
        self._fetcher.on_clip = self._make_way
        self._fetcher.on_change = self._fetched
        self._sheet: SheetPayload | None = None
        self._muted = False
        self._volume_ratio = 1.0
        self._derating_ratio = 1.0
        self._silenced_utc: datetime | None = None
        self._where = Whereabouts()
        self._diary = Diary(parts.clock)
        self.health = Health(self._show)

    # commands -------------------------------------------------------------

    def command(self, order: CommandPayload) -> None:
        """A command from the service (never a retained one)."""
        match order.action:
            case "silence":
                self._silenced_utc = order.ts_utc
                self.silence()
            case "report" if order.key:
                self._report_again(order.key)
            case "prepare" if order.clip_sha256:
                self._want(order.clip_sha256, order.clip_url)
            case "volume" if order.volume_ratio is not None:
                self._volume_ratio = min(1.0, max(0.0, order.volume_ratio))
                self._set_volume()
            case "play":
                self._asked(order)
            case _:
                log.warning("command %s cannot be done", order.action)

    def _asked(self, order: CommandPayload) -> None:
        job = commanded(order, self._sheet)
        if job is None:
            log.warning("a play command lacks its key, clip or expiry")
        elif self._silenced_later(order):
            self._refuse(job, "silenced")
        else:
            # An urgent one lifts no silence from what else would play.
            urgent = order.priority is Priority.URGENT
            self.mute(muted=self._muted and urgent)
            self._enqueue(job)

    def silence(self) -> None:
        """Silent at once, and no cue of the sheet until told otherwise."""
        self.mute(muted=True)
        self._hushes += 1
        self._player.stop("silenced", CutBy.SILENCE)
        for job in self._jobs.drain():
            self._refuse(job, "silenced")

    def mute(self, *, muted: bool) -> None:
        """Whether cues wait; kept, for a restart must not end a silence."""
        if muted != self._muted:
            self._muted = muted
            with suppress(sqlite3.Error):
                self._ledger.keep("muted", b"yes" if muted else b"no")

    def load(self, sheet: SheetPayload, raw: bytes) -> None:
        """Take a cue sheet; an empty one takes the former back."""
        if sheet.expires_utc <= self._clock.utc():
            log.warning("the cue sheet of %s has expired", sheet.sortie_id)
            return
        try:
            self._ledger.keep("sheet", raw)
        except sqlite3.Error as e:  # it is followed all the same, in this life
            self.health.found(DISK, f"the disk takes no cue sheet ({e})")
        self.adopt(sheet)
        if self._silenced_later(sheet):
            self.mute(muted=True)

    def _silenced_later(self, order: CommandPayload | SheetPayload) -> bool:
        """Whether it was sent before a silence that overtook it on the way."""
        return self._silenced_utc is not None and order.ts_utc < self._silenced_utc

    def adopt(self, sheet: SheetPayload) -> None:
        """Follow a sheet from now on; taking one back ends no silence."""
        self._sheet = sheet if sheet.cues else None
        if sheet.cues:
            self.mute(muted=False)
        log.info("sortie=%s %d cues loaded", sheet.sortie_id, len(sheet.cues))
        self._show()
        for cue in sheet.cues:
            self._want(cue.clip_sha256, cue.clip_url)

    # places ---------------------------------------------------------------

    def moved(self, now: Whereabouts) -> None:
        """The autopilot told a position; a cue may be due here."""
        self._where = now
        self._mind_place()
        sheet = self._sheet
        if sheet is None or now.fix is None:
            return
        if sheet.expires_utc <= self._clock.utc():
            self._sheet = None
            self._show()
            return
        busy = self._player.playing or len(self._jobs) > 0 or self.talked_over
        if not now.armed or self._muted or busy:
            self._watch.moved(sheet.cues, self._claimed, now.fix)
            return
        cue = self._watch.due(sheet.cues, self._claimed, now.fix, now.fix_s)
        if cue is not None:
            # Whatever becomes of it: a visit tries a cue once.
            self._watch.begun(cue.cue_id, cue.key)
            self._enqueue(placed(cue, sheet.run_id))

    def _held(self) -> str | None:
        sheet = self._sheet
        return None if sheet is None else f"{sheet.run_id}/{sheet.sortie_id}"

    def _claimed(self, key: str) -> bool:
        return self._ledger.report(key) is not None

    def _strayed(self, job: Job) -> bool:
        """Whether the vehicle is known to be elsewhere than where this is due."""
        fix = self._where.fix
        if job.place is None or fix is None:
            return False
        fresh = self._clock.monotonic_s() - self._where.fix_s <= STALE_S
        return fresh and self._watch.strayed(fix, job.place)

    def _mind_place(self) -> None:
        """Cut what is due at a place that the vehicle has left."""
        if self._now is not None and self._strayed(self._now):
            self._player.stop(LEFT)

    # playing --------------------------------------------------------------

    def _enqueue(self, job: Job) -> None:
        try:
            self._jobs.put(job)
        except TooMany as e:
            self._refuse(job, str(e))
            return
        if job.priority is Priority.URGENT:
            self._want(job.clip_sha256, job.clip_url)
            self._make_way()

    @property
    def sounding(self) -> bool:
        """Whether the loudspeaker is in use."""
        return self._player.playing or self.talked_over

    @property
    def follows(self) -> bool:
        """Whether cues wait for their places."""
        return self._sheet is not None

    @property
    def talked_over(self) -> bool:
        """Whether somebody talks live now."""
        return not self._floor_free.is_set()

    def give_floor(self) -> None:
        """Somebody begins to talk live: cut what plays, keep what waits."""
        self._floor_free.clear()
        self._player.stop("live talk came between", CutBy.TALK)
        self._show()

    def take_floor(self) -> None:
        """The talk has ended: go on with what waits."""
        self._floor_free.set()
        self._show()

    def _make_way(self) -> None:
        """Cut a normal message when an urgent one can sound in its place."""
        now = self._now
        if now is not None and self._overtaken(now):
            self._player.stop("an urgent announcement came between", CutBy.URGENT)

    def _overtaken(self, by: Job) -> bool:
        if by.priority is Priority.URGENT:
            return False
        urgent = [j for j in self._jobs if j.priority is Priority.URGENT]
        if not urgent:
            return False
        cached = self._cache.cached()
        return any(j.clip_sha256 in cached and not self._late(j) for j in urgent)

    def _late(self, job: Job) -> bool:
        return job.expires_utc is not None and job.expires_utc <= self._clock.utc()

    async def play_jobs(self) -> None:
        """Play what is due, one at a time, for ever."""
        self._report_unfinished()
        while True:
            await self._floor_free.wait()
            job = await self._jobs.get()
            try:
                await self._play(job)
            except sqlite3.Error as e:
                # Without a record it might sound twice: it does not sound.
                why = f"the disk takes no record ({e})"
                self._refuse(job, why)
                self.health.found(DISK, why)

    def _report_unfinished(self) -> None:
        for report in self._ledger.untold():
            self._reporter.playback(report, run_of(report.key))
            self._ledger.told(report.key)
        for report in self._ledger.unfinished():
            done = report.repeats_done
            cut = Outcome(done, complete=False, reason="agent restarted")
            self._finish(report, cut, report.end_utc)

    async def _play(self, job: Job) -> None:
        hushes = self._hushes
        if self._report_again(job.key):  # the service asks again
            return
        if self._heard_here(job):
            self._refuse(job, "it was played here in this visit")
            return
        try:
            path = await asyncio.to_thread(
                self._cache.get, job.clip_sha256, job.clip_url, self._pinned()
            )
        except ClipUnavailable as e:
            self._refuse(job, str(e))
            self.health.found(CLIPS, str(e))
            self._want(job.clip_sha256, job.clip_url)
            return
        if self._strayed(job):
            self._refuse(job, "the vehicle is not at the place where it is due")
            return
        muted = self._muted and job.priority is Priority.NORMAL
        if self._late(job) or muted or hushes != self._hushes:
            self._refuse(job, "expired" if self._late(job) else "silenced")
            return
        if self.talked_over or self._overtaken(job):
            self._enqueue(job)  # it came between while the clip was fetched
            return
        started = self._report(job, PlaybackStatus.STARTED)
        if self._ledger.begin(started):
            await self._sound(job, started, path)

    def _report_again(self, key: str) -> bool:
        """Tell the last report of a key once more; whether there is one."""
        known = self._ledger.report(key)
        if known is not None:
            self._reporter.playback(known, run_of(key))
        return known is not None

    def _heard_here(self, job: Job) -> bool:
        """Whether this visit has had the whole cue under another key."""
        other = self._watch.spoken(job.cue_id)
        if other is None or other == job.key:
            return False
        known = self._ledger.report(other)
        return known is not None and known.complete

    async def _sound(self, job: Job, started: Playback, path: Path) -> None:
        self._watch.begun(job.cue_id, job.key)
        self._reporter.playback(started, job.run_id)
        log.info("run=%s %s begins", job.run_id, job.key)
        self._now = job
        try:
            self._diary = Diary(self._clock)
            self._diary.note(self._where, started.start_utc)
            async with running_beside(self._note_progress(job.key), "progress"):
                outcome = await self._player.play(path, job.repeats)
        except asyncio.CancelledError:
            done = self._player.turns_done
            self._finish(started, Outcome(done, complete=False, reason="agent stopped"))
            raise
        finally:
            self._now = None
        self._finish(started, outcome)
        self.health.found(DEVICE, outcome.reason if outcome.failed else None)
        self._show()

    async def _note_progress(self, key: str) -> None:
        """Keep how far a clip has come, for the case that this process dies."""
        while True:
            self._show()
            now = self._clock.utc()
            self._ledger.progress(key, now, self._player.turns_done)
            self._diary.note(self._where, now)
            await self._clock.sleep(PROGRESS_S)

    def _finish(
        self, started: Playback, outcome: Outcome, end_utc: datetime | None = None
    ) -> None:
        status = PlaybackStatus.COMPLETED if outcome.complete else PlaybackStatus.CUT
        if end_utc is None:
            end_utc = self._clock.utc()
            self._diary.note(self._where, end_utc)
        report = replace(
            started,
            id=new_id(),
            status=status,
            end_utc=end_utc,
            repeats_done=outcome.repeats_done,
            complete=outcome.complete,
            reason=outcome.reason,
            cut_by=outcome.cut_by,
            poses=tuple(self._diary.poses),
        )
        # Written first and told then: whatever dies in between is told again.
        self._ledger.end(report)
        self._reporter.playback(report, run_of(report.key))
        self._ledger.told(report.key)
        log.info("%s %s (%s)", report.key, status, outcome.reason or "whole")

    def _refuse(self, job: Job, why: str) -> None:
        report = self._report(job, PlaybackStatus.REFUSED)
        self._reporter.playback(replace(report, reason=why), job.run_id)
        log.warning("run=%s %s refused: %s", job.run_id, job.key, why)

    def _report(self, job: Job, status: PlaybackStatus) -> Playback:
        return Playback(
            id=new_id(),
            speaker_id=self._speaker_id,
            key=job.key,
            clip_sha256=job.clip_sha256,
            status=status,
            start_utc=self._clock.utc(),
            cue_id=job.cue_id,
            station=None if job.station is None else StationId(job.station),
            vehicle_id=self._vehicle_id,
        )

    # clips ----------------------------------------------------------------

    def _want(self, sha256: str, url: str | None) -> None:
        self._fetcher.want(sha256, url)

    def _pinned(self) -> set[str]:
        sheet = self._sheet
        pinned = {c.clip_sha256 for c in sheet.cues} if sheet is not None else set()
        return pinned | ({self._now.clip_sha256} if self._now is not None else set())

    async def fetch_clips(self) -> None:
        """Fetch what is wanted, again and again until it is here."""
        await self._fetcher.run()

    def _fetched(self, fault: str | None) -> None:
        self.health.found(CLIPS, fault)
        self._show()

    # state ----------------------------------------------------------------

    def derate(self, ratio: float, reason: str | None) -> None:
        """The amplifier is hot (``ratio`` below 1), or well again."""
        self._derating_ratio = ratio
        self._set_volume()
        self.health.found(AMPLIFIER, reason)

    def _set_volume(self) -> None:
        self._player.volume_ratio = self._volume_ratio * self._derating_ratio

    def _show(self) -> None:
        """Tell the state, when it changed."""
        sounds = self._player.playing or self.talked_over
        phase = self.health.phase(playing=sounds, fetching=self._fetcher.busy)
        cached, reason = self._cache.cached(), self.health.reason
        self._reporter.tell(
            SpeakerState(self._speaker_id, phase, cached, reason, self._held())
        )

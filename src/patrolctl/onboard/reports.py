"""What the agent tells: playbacks that are never lost, and its latest state."""

from patrolctl.clock import Clock
from patrolctl.domain.ids import SpeakerId
from patrolctl.domain.sound import Playback, SpeakerPhase, SpeakerState
from patrolctl.mqtt import topics
from patrolctl.mqtt.connection import Connection
from patrolctl.mqtt.outbox import Message
from patrolctl.mqtt.payloads import encode, playback_payload, speaker_state_payload


class Reporter:
    """Publishes for one speaker of one site."""

    def __init__(self, site_id: str, speaker_id: SpeakerId, clock: Clock) -> None:
        self._playback = topics.PLAYBACK.topic(site_id, speaker_id)
        self._state = topics.SPEAKER_STATE.topic(site_id, speaker_id)
        self._clock = clock
        self._seq = 0
        self.connection: Connection | None = None
        self.state = SpeakerState(speaker_id, SpeakerPhase.IDLE)

    def _next(self) -> int:
        self._seq += 1
        return self._seq

    def playback(self, report: Playback, run_id: str | None) -> None:
        """Report what was played; waits on disk while there is no broker."""
        payload = playback_payload(
            report, run_id=run_id, ts_utc=self._clock.utc(), seq=self._next()
        )
        if self.connection is not None:
            self.connection.fact(Message(self._playback, encode(payload)))

    def state_message(self, state: SpeakerState) -> Message:
        """``speakers/{id}/state``."""
        payload = speaker_state_payload(
            state, ts_utc=self._clock.utc(), seq=self._next()
        )
        return Message(self._state, encode(payload), topics.SPEAKER_STATE.retain)

    def tell(self, state: SpeakerState) -> None:
        """Publish the state when it changed."""
        if state != self.state and self.connection is not None:
            self.connection.withdraw(self._state, b"{")
            self.connection.fact(self.state_message(state))
        self.state = state

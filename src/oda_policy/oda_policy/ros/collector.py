"""Steps and end of an episode, which come on two topics in any order, joined. No ROS here."""

from oda_core.types import Episode, EpisodeEvent, StepData, episode_from_steps

LATE = 1000  # steps that a node which is discovered late is sent again: more than an episode's


class Collector:
    """Gathers the running episode of one session."""

    def __init__(self, session: str) -> None:
        """Wait for an episode of the session."""
        self.session = session
        self.end: EpisodeEvent | None = None  # of an episode that misses steps
        self._episode_id, self._since_ns = -1, 0
        self._steps: dict[int, StepData] = {}

    def start(self, event: EpisodeEvent) -> None:
        """An episode begins, for the first time or again: forget what was gathered before it."""
        set_back = event.stamp_ns < self._since_ns  # by a simulation that was started anew
        mine = {} if set_back or event.episode_id != self._episode_id else self._steps
        self._since_ns = event.stamp_ns
        self._steps = {i: s for i, s in mine.items() if s.stamp_ns >= self._since_ns}
        self._episode_id, self.end = event.episode_id, None

    def add_step(self, step: StepData) -> Episode | None:
        """Take a step; the episode that it completes, if its end is known.

        Raises:
            ContractError: the episode is complete but not sound.
        """
        if step.session != self.session or step.stamp_ns < self._since_ns:
            return None  # of another session, an earlier episode or an earlier attempt
        if step.episode_id != self._episode_id:  # its START is still on the way
            self._episode_id, self._steps, self.end = step.episode_id, {}, None
        self._steps.setdefault(step.index, step)
        return self._join()

    def add_end(self, end: EpisodeEvent) -> Episode | None:
        """Take the end event; the episode, if no step is missing.

        Raises:
            ContractError: the episode is complete but not sound.
        """
        if end.episode_id != self._episode_id:
            self._episode_id, self._steps = end.episode_id, {}
        self.end = end
        return self._join()

    def missing(self) -> str:
        """What the episode that has ended still lacks."""
        wanted = self.end.steps if self.end else 0
        return f"found {len(self._steps)} of {wanted} steps"

    def drop(self) -> None:
        """Forget the episode."""
        self._episode_id, self._steps, self.end = -1, {}, None

    def _join(self) -> Episode | None:
        if self.end is None or len(self._steps) < self.end.steps:
            return None
        end, steps = self.end, list(self._steps.values())
        self.drop()
        return episode_from_steps(steps, end)

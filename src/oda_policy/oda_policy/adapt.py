"""Algorithm 2 as a state machine: which episode to run next, and when adaptation ends.

It knows no robot and no learner: a runner asks for the next episode, runs it, reports its outcome.
The ROS adapt node and run_in_process drive the same machine, and its JSON resumes either.

    ENCODE -> EVALUATE_INITIAL -> FINETUNE -> EVALUATE_FINAL -> DONE | FAILED
                     |               ^              |
                     +-> DONE        +--------------+   (rounds left)
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from oda_core.config import from_mapping, to_mapping
from oda_core.errors import ConfigError, SessionError
from oda_core.files import write_atomic
from oda_core.types import Episode, Event, Purpose, Source
from oda_policy.config import AdaptConfig
from oda_policy.evaluate import Env, EpisodeRequest, Rate, episode_seed, run_episode, success_rate
from oda_policy.learner import Learner
from oda_policy.policy import PolicySnapshot


class Phase(str, Enum):
    """Where an adaptation stands."""

    ENCODE = "encode"
    EVALUATE_INITIAL = "evaluate_initial"
    FINETUNE = "finetune"
    EVALUATE_FINAL = "evaluate_final"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one episode came to."""

    episode_id: int
    event: Event
    steps: int
    robot_time_s: float  # of the episode with its reset motion
    peak_force_n: float
    assisted: bool = False  # a person commanded at least one step
    phase: Phase = Phase.ENCODE  # set by the machine
    round: int = 0  # set by the machine
    policy_version: int = 0  # set by the machine

    @property
    def success(self) -> bool:
        """The connector was inserted, and by the policy alone."""
        return self.event is Event.SUCCESS and not self.assisted


@dataclass(kw_only=True)
class Progress:
    """Everything that a resumed adaptation must know; plain values only."""

    session: str
    connector: str
    config: AdaptConfig
    phase: Phase = Phase.ENCODE
    round: int = 1
    reason: str = ""
    outcomes: tuple[Outcome, ...] = field(default_factory=tuple)


class AdaptMachine:
    """Algorithm 2. Outcomes alone move it, so equal outcomes give equal requests."""

    def __init__(self, progress: Progress) -> None:
        """Begin anew or go on from saved progress."""
        self.progress = progress

    @classmethod
    def begin(cls, session: str, connector: str, config: AdaptConfig) -> "AdaptMachine":
        """A machine that waits for the encoding of the demonstrations."""
        return cls(Progress(session=session, connector=connector, config=config))

    @property
    def phase(self) -> Phase:
        """Current phase."""
        return self.progress.phase

    @property
    def finished(self) -> bool:
        """No further episode will be asked for."""
        return self.phase in (Phase.DONE, Phase.FAILED)

    @property
    def training_episodes(self) -> int:
        """Training episodes done, which is also the newest policy version they call for."""
        return sum(o.phase is Phase.FINETUNE for o in self.progress.outcomes)

    @property
    def robot_time_s(self) -> float:
        """Robot time of the whole session [s]."""
        return sum(o.robot_time_s for o in self.progress.outcomes)

    def encoded(self) -> None:
        """The demonstrations are encoded and version 0 of the policy is ready."""
        if self.phase is Phase.ENCODE:
            self.progress.phase = Phase.EVALUATE_INITIAL

    def next_request(self) -> EpisodeRequest | None:
        """The episode to run now; None before the encoding and after the end.

        Training episode k (from 1) acts with version max(0, k - 2): the learner works on the
        episode before while the robot moves. An evaluation waits for the newest version.
        """
        p, c = self.progress, self.progress.config
        if self.finished or p.phase is Phase.ENCODE:
            return None
        episode_id = len(p.outcomes)
        training, newest = p.phase is Phase.FINETUNE, self.training_episodes
        return EpisodeRequest(
            session=p.session,
            connector=p.connector,
            episode_id=episode_id,
            purpose=Purpose.TRAINING if training else Purpose.EVALUATION,
            seed=episode_seed(c.seed, episode_id),
            policy_version=max(0, newest - 1) if training else newest,
            deterministic=c.deterministic and not training,
        )

    def finish(self, outcome: Outcome) -> None:
        """Take the outcome of the requested episode and move on.

        Raises:
            SessionError: the outcome is not of the episode that was asked for.
        """
        request = self.next_request()
        if request is None or outcome.episode_id != request.episode_id:
            asked = "no episode" if request is None else f"episode {request.episode_id}"
            raise SessionError(
                f"outcome of episode {outcome.episode_id}, but {asked} was asked for; "
                "resume the session from its saved progress"
            )
        p = self.progress
        version = request.policy_version
        placed = replace(outcome, phase=p.phase, round=p.round, policy_version=version)
        p.outcomes = (*p.outcomes, placed)
        if self._aborted():
            self._end(Phase.FAILED, f"{p.config.max_aborts} episodes in a row were aborted")
        elif p.phase is Phase.FINETUNE:
            self._after_training()
        else:
            self._after_evaluation()

    def rate(self, phase: Phase, rounds: int | None = None) -> Rate:
        """Successes of an evaluation phase, by default of its newest round."""
        number = self.progress.round if rounds is None else rounds
        if phase is Phase.EVALUATE_INITIAL:
            number = 1
        return success_rate([o.success for o in self.outcomes(phase, number)])

    def outcomes(self, phase: Phase, number: int) -> list[Outcome]:
        """Outcomes of one phase of one round."""
        return [o for o in self.progress.outcomes if o.phase is phase and o.round == number]

    def to_json(self) -> str:
        """Progress as JSON; equal progress gives equal text."""
        return json.dumps(to_mapping(self.progress), indent=1)

    def save(self, path: str | Path) -> None:
        """Write progress atomically."""
        write_atomic(path, self.to_json())

    @classmethod
    def load(cls, path: str | Path) -> "AdaptMachine":
        """Read progress that save wrote.

        Raises:
            SessionError: missing or damaged.
        """
        try:
            data = json.loads(Path(path).read_text())
            return cls(from_mapping(Progress, data, str(path)))
        except (OSError, ValueError, ConfigError) as error:
            raise SessionError(
                f"{path}: cannot be resumed ({error}); begin a new session"
            ) from error

    def _aborted(self) -> bool:
        limit = self.progress.config.max_aborts
        newest = self.progress.outcomes[-limit:] if limit else ()
        return len(newest) == limit > 0 and all(o.event is Event.ABORT for o in newest)

    def _after_evaluation(self) -> None:
        p, c = self.progress, self.progress.config
        initial = p.phase is Phase.EVALUATE_INITIAL
        rate = self.rate(p.phase)
        if rate.trials < (c.initial_trials if initial else c.final_trials):
            return
        text = f"{rate.successes} of {rate.trials} trials succeeded"
        if rate.value >= c.goal_rate:
            self._end(Phase.DONE, f"{text}{' with the demonstrations only' if initial else ''}")
        elif initial:
            p.phase = Phase.FINETUNE
        elif p.round < c.max_rounds and not self._budget_spent():
            p.phase, p.round = Phase.FINETUNE, p.round + 1
        elif rate.value >= c.accept_rate:
            self._end(Phase.DONE, f"{text}, which is accepted from {c.accept_rate:.0%} on")
        else:
            self._end(Phase.FAILED, f"{text}, fewer than the accepted {c.accept_rate:.0%}")

    def _after_training(self) -> None:
        p, c = self.progress, self.progress.config
        done = self.outcomes(Phase.FINETUNE, p.round)
        newest = done[-c.window :]
        solved = len(newest) == c.window and all(o.success for o in newest)
        hopeless = done[-c.hopeless_episodes :] if c.hopeless_episodes else []
        if solved:
            p.phase = Phase.EVALUATE_FINAL
        elif len(hopeless) == c.hopeless_episodes > 0 and not any(o.success for o in hopeless):
            self._end(Phase.FAILED, f"{c.hopeless_episodes} training episodes in a row failed")
        elif budget := self._budget_spent():
            p.reason = f"finetuning ended before it was solved: {budget}"
            p.phase = Phase.EVALUATE_FINAL

    def _budget_spent(self) -> str:
        c = self.progress.config
        training = [o for o in self.progress.outcomes if o.phase is Phase.FINETUNE]
        minutes = sum(o.robot_time_s for o in training) / 60
        if self.training_episodes >= c.max_training_episodes:
            return f"the budget of {c.max_training_episodes} training episodes is spent"
        if minutes >= c.max_robot_minutes:
            return f"the budget of {c.max_robot_minutes:g} min of robot time is spent"
        return ""

    def _end(self, phase: Phase, reason: str) -> None:
        p = self.progress
        p.reason = f"{p.reason}; {reason}" if p.reason else reason
        p.phase = phase


def outcome_of(episode: Episode, robot_time_s: float) -> Outcome:
    """What an episode came to.

    Args:
        episode: finished episode.
        robot_time_s: time on the robot with its reset motion [s].
    """
    end = episode.end
    return Outcome(
        episode_id=end.episode_id,
        event=end.event,
        steps=len(episode),
        robot_time_s=robot_time_s,
        peak_force_n=end.peak_force_n if math.isfinite(end.peak_force_n) else 0.0,
        assisted=bool((episode.sources == Source.HUMAN).any()),
    )


def run_in_process(
    env: Env,
    learner: Learner,
    machine: AdaptMachine,
    listener: Callable[[Episode, AdaptMachine], None] | None = None,
) -> list[Episode]:
    """Run the machine to its end against an environment, learner and robot in one process.

    Args:
        env: environment.
        learner: of this session.
        machine: machine at its beginning.
        listener: called after each episode.

    Returns:
        Every episode.
    """
    learner.warm_up()
    machine.encoded()
    versions: dict[int, PolicySnapshot] = {0: learner.snapshot(0)}
    episodes: list[Episode] = []
    while (request := machine.next_request()) is not None:
        rollout = run_episode(env, versions[request.policy_version], request)
        episode = rollout.episode
        machine.finish(outcome_of(episode, rollout.robot_time_s))
        episodes.append(episode)
        learner.add_episode(episode)
        if request.purpose is Purpose.TRAINING:
            learner.train()
            newest = machine.training_episodes
            versions = {newest - 1: versions[newest - 1], newest: learner.snapshot(newest)}
        if listener is not None:
            listener(episode, machine)
    return episodes

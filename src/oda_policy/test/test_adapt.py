"""Algorithm 2 as a machine: which phase follows, which version acts, what ends it."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oda_core.errors import SessionError
from oda_core.types import Event, Purpose
from oda_policy.adapt import AdaptMachine, Outcome, Phase
from oda_policy.config import AdaptConfig
from oda_policy.evaluate import EpisodeRequest

CONFIG = AdaptConfig(
    initial_trials=4,
    final_trials=5,
    window=3,
    max_training_episodes=10,
    max_robot_minutes=2.0,
    hopeless_episodes=6,
    max_aborts=3,
    accept_rate=0.8,
)
Result = Callable[[EpisodeRequest], Event]


def outcome(request: EpisodeRequest, event: Event, seconds: float = 6.0) -> Outcome:
    return Outcome(
        episode_id=request.episode_id, event=event, steps=9, robot_time_s=seconds, peak_force_n=5.0
    )


def run(result: Result, config: AdaptConfig = CONFIG) -> tuple[AdaptMachine, list[EpisodeRequest]]:
    machine = AdaptMachine.begin("s", "peg", config)
    assert machine.next_request() is None
    machine.encoded()
    requests = []
    while (request := machine.next_request()) is not None:
        requests.append(request)
        machine.finish(outcome(request, result(request)))
    return machine, requests


def success(_: EpisodeRequest) -> Event:
    return Event.SUCCESS


def trained(request: EpisodeRequest) -> Event:
    """Fails until three training episodes have made version 3."""
    return Event.SUCCESS if request.policy_version >= 3 else Event.TIMEOUT


def test_a_solved_task_ends_after_the_first_evaluation() -> None:
    machine, requests = run(success)
    assert machine.phase is Phase.DONE
    assert len(requests) == 4
    assert {r.purpose for r in requests} == {Purpose.EVALUATION}
    assert "4 of 4 trials succeeded with the demonstrations only" in machine.progress.reason


def test_finetuning_acts_one_version_behind_and_evaluates_the_newest() -> None:
    machine, requests = run(trained)
    training = [r for r in requests if r.purpose is Purpose.TRAINING]
    assert [r.policy_version for r in training] == [0, 0, 1, 2, 3, 4, 5]
    final = requests[4 + len(training) :]
    assert [r.policy_version for r in final] == [7] * 5
    assert machine.phase is Phase.DONE
    assert machine.rate(Phase.EVALUATE_INITIAL)[:2] == (0, 4)
    assert machine.rate(Phase.EVALUATE_FINAL)[:2] == (5, 5)
    assert [r.episode_id for r in requests] == list(range(len(requests)))
    assert len({r.seed for r in requests}) == len(requests)


def test_a_hopeless_task_is_given_up_without_a_final_evaluation() -> None:
    machine, requests = run(lambda _: Event.TIMEOUT)
    assert machine.phase is Phase.FAILED
    assert len(requests) == 4 + 6
    assert "6 training episodes in a row failed" in machine.progress.reason


def test_a_spent_budget_still_ends_in_an_honest_final_evaluation() -> None:
    def sometimes(request: EpisodeRequest) -> Event:
        return Event.SUCCESS if request.episode_id % 2 else Event.TIMEOUT

    machine, requests = run(sometimes)
    assert machine.phase is Phase.FAILED
    assert len(requests) == 4 + 10 + 5
    assert "budget of 10 training episodes" in machine.progress.reason
    assert "fewer than the accepted 80%" in machine.progress.reason


def test_robot_time_is_a_budget() -> None:
    machine = AdaptMachine.begin("s", "peg", CONFIG)
    machine.encoded()
    while (request := machine.next_request()) is not None:
        event = Event.SUCCESS if request.episode_id % 2 else Event.TIMEOUT
        machine.finish(outcome(request, event, seconds=50.0))
    assert machine.training_episodes == 3  # 150 s reach the budget of 120 s
    assert "budget of 2 min of robot time" in machine.progress.reason


def test_a_further_round_follows_a_final_evaluation_below_the_accepted_rate() -> None:
    def late(request: EpisodeRequest) -> Event:
        training = request.purpose is Purpose.TRAINING
        return Event.SUCCESS if training or request.policy_version > 3 else Event.TIMEOUT

    rounds = AdaptConfig(**{**vars(CONFIG), "max_rounds": 2})
    machine, requests = run(late, rounds)
    assert machine.phase is Phase.DONE
    assert len(requests) == 4 + 3 + 5 + 3 + 5
    assert machine.rate(Phase.EVALUATE_FINAL, 1)[:2] == (0, 5)
    assert machine.rate(Phase.EVALUATE_FINAL)[:2] == (5, 5)


def test_an_accepted_rate_below_the_goal_is_success_only_at_the_end() -> None:
    def nine_of_ten(request: EpisodeRequest) -> Event:
        training = request.purpose is Purpose.TRAINING
        return Event.SUCCESS if training or request.episode_id % 5 else Event.TIMEOUT

    machine, _ = run(nine_of_ten)
    assert machine.phase is Phase.DONE
    assert "4 of 5 trials succeeded, which is accepted from 80% on" in machine.progress.reason


def test_aborts_in_a_row_end_the_session() -> None:
    machine, requests = run(lambda _: Event.ABORT)
    assert machine.phase is Phase.FAILED
    assert len(requests) == 3
    assert "3 episodes in a row were aborted" in machine.progress.reason


def test_an_outcome_that_was_not_asked_for_is_refused() -> None:
    machine = AdaptMachine.begin("s", "peg", CONFIG)
    machine.encoded()
    request = machine.next_request()
    assert request is not None
    machine.finish(outcome(request, Event.SUCCESS))
    with pytest.raises(SessionError, match="outcome of episode 0, but episode 1 was asked for"):
        machine.finish(outcome(request, Event.SUCCESS))


@given(events=st.lists(st.sampled_from([Event.SUCCESS, Event.TIMEOUT]), max_size=25))
def test_saved_progress_goes_on_exactly(events: list[Event]) -> None:
    machine = AdaptMachine.begin("s", "peg", CONFIG)
    machine.encoded()
    for event in events:
        if (request := machine.next_request()) is not None:
            machine.finish(outcome(request, event))
    with TemporaryDirectory() as directory:
        path = Path(directory) / "progress.json"
        machine.save(path)
        copy = AdaptMachine.load(path)
    assert copy.to_json() == machine.to_json()
    assert copy.next_request() == machine.next_request()
    assert copy.phase is machine.phase


def test_damaged_progress_is_named(tmp_path: Path) -> None:
    path = tmp_path / "progress.json"
    with pytest.raises(SessionError, match="cannot be resumed"):
        AdaptMachine.load(path)
    AdaptMachine.begin("s", "peg", CONFIG).save(path)
    path.write_text(path.read_text()[:50])
    with pytest.raises(SessionError, match="cannot be resumed"):
        AdaptMachine.load(path)


def test_what_would_be_accepted_is_improved_while_rounds_are_left() -> None:
    config = AdaptConfig(**{**vars(CONFIG), "max_rounds": 2, "max_training_episodes": 100})

    def one_failure_in_each_evaluation(request: EpisodeRequest) -> Event:
        first = not seen.get(request.purpose)
        seen[request.purpose] = True
        evaluated = request.purpose is Purpose.EVALUATION
        if request.purpose is Purpose.TRAINING:
            seen.pop(Purpose.EVALUATION, None)
        return Event.TIMEOUT if evaluated and first else Event.SUCCESS

    seen: dict[Purpose, bool] = {}
    machine, requests = run(one_failure_in_each_evaluation, config)
    assert machine.phase is Phase.DONE
    assert len(requests) == 4 + 3 + 5 + 3 + 5  # both rounds are used before 4 of 5 is accepted
    assert "accepted" in machine.progress.reason

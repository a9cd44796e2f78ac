"""The suite is red for each of a set of broken providers, at the right check and in words that help."""

from __future__ import annotations

import msgspec
import pytest
import trio

from drena.testing import ProviderConformance
from testing import broken
from testing.test_conformance import CustomersSuite

FAULTS = [
    (broken.ZombieWriter, "a_zombie_writes_nothing", r"another node took the job .* still wrote rows"),
    (broken.SwallowsTheFence, "a_zombie_writes_nothing", r"AttemptFenced, and the provider swallowed it"),
    (broken.SwallowsCancellation, "cancelled_it_ends_at_once", r"swallowed trio\.Cancelled: run\(\) raised RetryLater"),
    (broken.CannotBeCancelled, "cancelled_it_ends_at_once", r"run\(\) still ran 2\.0 s later"),
    (broken.LogsItsToken, "secrets_never_leak", r"The secret 'token' is in ctx\.log\.info"),
    (broken.RaisesItsToken, "secrets_never_leak", r"The secret 'token' is in the error it raises"),
    (broken.StoresItsToken, "secrets_never_leak", r"The secret 'token' is in a row of public\.customers"),
    (broken.GoesBack, "the_checkpoint_only_moves_forward", r"Checkpoint 3 goes backwards: .*\['page'\] was 2 and is 1"),
    (broken.BeginsAgain, "a_resumed_attempt_does_not_begin_again", r"asks again for 2 requests .* where 1 may be"),
    (broken.GoesBack, "a_resumed_attempt_does_not_begin_again", r"asks again for 2 requests"),
    (
        broken.SavesBeforeItWrites,
        "killed_at_a_checkpoint_it_ends_with_the_same_rows",
        r"leaves other rows .* 9 instead of 12",
    ),
    (
        broken.CannotResumeAtTheEnd,
        "killed_at_a_checkpoint_it_ends_with_the_same_rows",
        r"ends as error instead of success",
    ),
    (
        broken.TakesRefusalForTheEnd,
        "a_storm_of_429_ends",
        r"429 from request 1 on, .* took trouble for the end of the list",
    ),
    (broken.AsksForEver, "a_storm_of_429_ends", r"did not end by itself: Drena ended it \(no_progress\)"),
    (broken.GivesUpAtOnce, "a_storm_of_429_ends", r"gave up \(api_error\), though time may heal it"),
    (broken.TakesCutForTheEnd, "a_truncated_body_is_not_success", r"a body cut in half .* took trouble for the end"),
    (broken.FallsOverACutBody, "a_truncated_body_is_not_success", r"raised DecodeError.*which Drena takes for a bug"),
    (
        broken.TakesSilenceForTheEnd,
        "a_lost_connection_is_not_success",
        r"a lost connection .* took trouble for the end",
    ),
    (broken.TakesAnySetting, "bad_settings_are_named", r"page_size = .* ended with code None, not 'config_invalid'"),
    (broken.HidesTheSetting, "bad_settings_are_named", r"the message names no setting"),
    (broken.DeclaresNoSecret, "a_missing_secret_is_named", r"reads the secret 'token', which it does not declare"),
    (broken.AlwaysContent, "check_says_whether_it_works", r"says that all is well though every answer was 401"),
    (
        broken.SpeaksOneLanguage,
        "progress_is_told_in_both_languages",
        r"ctx\.progress names 'pages', which `words` does not say",
    ),
    (broken.BadLimits, "the_host_takes_it", r"refuses the provider: .*`secrets` is \('Token',\)"),
]


@pytest.fixture(scope="module")
def one_database(drena_postgres):
    database = trio.run(drena_postgres.create)
    yield database
    trio.run(drena_postgres.drop, database)


@pytest.mark.parametrize("provider, check, words", FAULTS, ids=lambda each: getattr(each, "__name__", None))
async def test_a_fault_is_found_and_said(provider, check, words, one_database, autojump_clock):
    provider.url = one_database.url
    suite = type("Suite", (CustomersSuite, ProviderConformance), {"provider": provider()})()
    given = [autojump_clock] if check == "check_says_whether_it_works" else [one_database, autojump_clock]
    with pytest.raises(pytest.fail.Exception, match=words) as found:
        await getattr(suite, f"test_{check}")(*([] if check == "the_host_takes_it" else given))
    assert "What to do: " in str(found.value)


@pytest.mark.parametrize(
    "given, words",
    [
        ({"bad_settings": ({},)}, r"`bad_settings` holds an empty change"),
        (
            {"bad_settings": ({"page_size": msgspec.UNSET},)},
            r"Without the setting page_size the job ended with code None",
        ),
    ],
    ids=["empty change", "left out"],
)
async def test_settings_that_are_left_out_are_missed(given, words, one_database, autojump_clock):
    suite = type("Suite", (CustomersSuite, ProviderConformance), given)()
    with pytest.raises(pytest.fail.Exception, match=words):
        await suite.test_bad_settings_are_named(one_database, autojump_clock)


def test_every_check_has_a_provider_that_fails_it():
    checks = {name for name in dir(ProviderConformance) if name.startswith("test_")}
    unproven = checks - {f"test_{check}" for _, check, _ in FAULTS}
    assert unproven == {"test_killed_at_any_await_it_ends_with_the_same_rows"}

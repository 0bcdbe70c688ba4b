from __future__ import annotations

import os
import signal
import threading
import time
import unicodedata

import pytest
from argon2 import extract_parameters

from dms.access import passwords
from dms.access.hashing import HashPool, InlinePool
from dms.access.passwords import PRESETS, Hasher
from dms.base.errors import Busy, Invalid, Unavailable

GOOD = "seven brown herons"


@pytest.fixture
def pool():
    made = HashPool(PRESETS["test"], processes=1, queue=1)
    yield made
    made.close()


def refusal(password, *, context=()):
    with pytest.raises(Invalid) as caught:
        passwords.accept(password, context=context)
    assert caught.value.path == ("password",)
    return caught.value.message


def test_the_default_costs_what_the_design_says():
    stored = Hasher(PRESETS["default"]).hash(GOOD)

    found = extract_parameters(stored)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert (found.time_cost, found.memory_cost, found.parallelism) == (2, 19_456, 1)


def test_the_strong_preset_costs_more():
    assert PRESETS["strong"] == passwords.Parameters(passes=3, memory_kib=65_536, lanes=1)


def test_the_same_password_never_hashes_to_the_same_text():
    hasher = Hasher(PRESETS["test"])

    assert hasher.hash(GOOD) != hasher.hash(GOOD)


def test_a_password_matches_only_itself():
    hasher = Hasher(PRESETS["test"])
    stored = hasher.hash(GOOD)

    assert hasher.verify(stored, GOOD).matches is True
    assert hasher.verify(stored, GOOD + " ").matches is False
    assert hasher.verify(stored, GOOD.upper()).matches is False
    assert hasher.verify(stored, "").matches is False


def test_a_password_typed_in_another_unicode_form_is_the_same():
    hasher = Hasher(PRESETS["test"])
    composed = "grüne Äpfel am Fluß"

    stored = hasher.hash(unicodedata.normalize("NFD", composed))

    assert hasher.verify(stored, composed).matches is True


def test_a_damaged_stored_hash_matches_nothing():
    assert Hasher(PRESETS["test"]).verify("$argon2id$v=19$m=8", GOOD).matches is False


def test_text_that_no_encoding_can_hold_matches_nothing():
    hasher = Hasher(PRESETS["test"])

    assert hasher.verify(hasher.hash(GOOD), "\ud800" * 8).matches is False


def test_a_weaker_hash_rises_at_the_next_good_login_only():
    old = Hasher(PRESETS["test"]).hash(GOOD)
    today = Hasher(PRESETS["default"])

    wrong = today.verify(old, "not this one at all")
    right = today.verify(old, GOOD)

    assert wrong == passwords.Verdict(matches=False, better_hash=None)
    assert right.matches is True
    assert right.better_hash is not None
    assert right.better_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert today.verify(right.better_hash, GOOD) == passwords.Verdict(matches=True, better_hash=None)


def test_a_stronger_hash_stays_when_the_parameters_fall():
    strong = Hasher(PRESETS["default"]).hash(GOOD)

    assert Hasher(PRESETS["test"]).verify(strong, GOOD).better_hash is None


def test_the_dummy_costs_as_much_as_a_real_hash_and_matches_nothing():
    dummy = passwords.dummy_hash(PRESETS["default"])
    real = Hasher(PRESETS["default"]).hash(GOOD)

    assert extract_parameters(dummy) == extract_parameters(real)
    assert len(dummy) == len(real)
    assert Hasher(PRESETS["default"]).verify(dummy, "").matches is False


@pytest.mark.parametrize(
    "password",
    [
        "gbqkzvmw",
        "correct horse battery staple",
        "тихий зелёный берег",
        "ä" * 5 + "öüxyzß",
        "x!" * 4 + "y" + "zw",
        "a" + "bcdghijklmnop" * 78,
        "spaces    count   too",
    ],
)
def test_any_characters_are_accepted(password):
    assert passwords.accept(password) == unicodedata.normalize("NFC", password)


def test_seven_characters_are_too_few():
    assert refusal("gbqkzvm") == "must have at least 8 characters; 15 or more are better"


def test_more_than_1024_bytes_are_too_many():
    assert len(passwords.accept("äbcdghijklmnöpqr" * 56)) == 896

    assert refusal("äbcdghijklmnöpqr" * 57) == "must have at most 1024 bytes, not 1026"


def test_a_lone_surrogate_is_refused():
    assert refusal("gbqkzvmw\udc80") == "holds characters that no text may hold"


EASY = (
    "is too easy to guess: common words, the name of the account and repeated characters "
    "do not count towards the 8 characters"
)


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "Password123!",
        "P@ssw0rd2024",
        "1234567890",
        "12345678",
        "qwertyuiop",
        "iloveyou!!",
        "adminadminadmin",
        "aaaaaaaaaaaaaaaa",
        "letmein-2024",
        "Archive2025",
    ],
)
def test_a_common_password_is_refused(password):
    assert refusal(password) == EASY


def test_the_names_of_account_and_repository_do_not_count():
    assert refusal("Hollerbach-77", context=["mara.hollerbach"]) == EASY
    assert refusal("Talheim2025!", context=["Archiv der Stadt Talheim"]) == EASY
    assert passwords.accept("Talheim liegt am Fluss", context=["Archiv der Stadt Talheim"])


def test_words_in_a_long_password_do_no_harm():
    assert passwords.accept("the password of my grandmother")


def test_very_long_repetitions_of_words_are_judged_quickly():
    began = time.perf_counter()

    refusal("password" * 128)

    assert time.perf_counter() - began < 2


def test_the_pool_hashes_and_compares_in_its_own_process(pool):
    with pool.seat() as seat:
        stored = seat.hash(GOOD)
        assert seat.verify(stored, GOOD) == passwords.Verdict(matches=True)
        assert seat.verify(stored, "another one") == passwords.Verdict(matches=False)
        assert seat.verify(None, GOOD) == passwords.Verdict(matches=False)

    process = pool._workers[0]._process
    assert process.pid != os.getpid()
    assert os.getpriority(os.PRIO_PROCESS, process.pid) == 15


def test_the_pool_starts_nothing_before_it_is_used(pool):
    assert pool._workers[0]._process is None


def test_the_pool_raises_weaker_hashes():
    old = Hasher(PRESETS["test"]).hash(GOOD)
    pool = HashPool(passwords.Parameters(passes=2, memory_kib=64))

    with pool.seat() as seat:
        better = seat.verify(old, GOOD).better_hash
    pool.close()

    assert better.startswith("$argon2id$v=19$m=64,t=2,p=1$")


def test_the_pool_starts_again_after_its_process_was_killed(pool):
    with pool.seat() as seat:
        stored = seat.hash(GOOD)
        first = pool._workers[0]._process.pid
        os.kill(first, signal.SIGKILL)
        time.sleep(0.1)

        assert seat.verify(stored, GOOD).matches is True

    assert pool._workers[0]._process.pid != first


def test_the_pool_starts_again_when_its_process_does_not_answer():
    pool = HashPool(PRESETS["test"], processes=1, timeout_s=2.0)
    with pool.seat() as seat:
        stored = seat.hash(GOOD)
        os.kill(pool._workers[0]._process.pid, signal.SIGSTOP)

        assert seat.verify(stored, GOOD).matches is True
    pool.close()


def test_a_pool_that_cannot_hash_says_so(capfd):
    pool = HashPool(passwords.Parameters(passes=1, memory_kib=1), processes=1)

    with pytest.raises(Unavailable) as caught, pool.seat() as seat:
        seat.hash(GOOD)
    pool.close()

    assert caught.value.message == "passwords cannot be checked now: try again in a moment"
    assert GOOD not in capfd.readouterr().err


def test_the_process_ends_with_the_pool_and_with_its_pipe(pool):
    with pool.seat() as seat:
        seat.hash(GOOD)
    process = pool._workers[0]._process

    pool.close()

    assert process.returncode == 0


def test_a_process_that_was_interrupted_from_the_terminal_goes_on(pool):
    with pool.seat() as seat:
        stored = seat.hash(GOOD)
        first = pool._workers[0]._process.pid
        os.kill(first, signal.SIGINT)

        assert seat.verify(stored, GOOD).matches is True

    assert pool._workers[0]._process.pid == first


def test_the_pool_works_again_after_it_was_closed(pool):
    with pool.seat() as seat:
        stored = seat.hash(GOOD)
    pool.close()

    with pool.seat() as seat:
        assert seat.verify(stored, GOOD).matches is True


def test_beyond_the_queue_the_answer_is_busy_at_once(pool):
    with pool.seat(), pool.seat():
        began = time.perf_counter()
        with pytest.raises(Busy) as caught, pool.seat():
            pass
        took = time.perf_counter() - began

    assert caught.value.message == "too many people log in at once: try again in a moment"
    assert took < 1  # who waited would wait for ever
    with pool.seat():
        pass


def test_those_who_wait_get_their_turn():
    pool = HashPool(PRESETS["test"], processes=1, queue=7)
    stored = Hasher(PRESETS["test"]).hash(GOOD)
    results = []

    def try_it(password):
        with pool.seat() as seat:
            results.append((password, seat.verify(stored, password).matches))

    threads = [threading.Thread(target=try_it, args=[p]) for p in [GOOD, "wrong one"] * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pool.close()

    assert sorted(results) == [(GOOD, True)] * 4 + [("wrong one", False)] * 4


def test_pretending_takes_about_as_long_as_comparing():
    pool = HashPool(PRESETS["default"], processes=1)
    with pool.seat() as seat:
        for _ in range(5):
            seat.verify(None, GOOD)

    began = time.perf_counter()
    pool.pretend()
    took = time.perf_counter() - began
    pool.close()

    assert pool._typical_s / 2 <= took < pool._typical_s + 0.5  # the machine that tests is busy


def test_a_command_hashes_inline():
    pool = InlinePool(PRESETS["test"])

    with pool.seat() as seat:
        stored = seat.hash(GOOD)
        assert seat.verify(stored, GOOD).matches is True
        assert seat.verify(None, GOOD).matches is False
    pool.pretend()
    pool.close()

"""Beginning a log, giving it new keys, and beginning it anew where it cannot go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dms.access.log import keys, proofs, signer
from dms.access.log.keys import Signer
from dms.access.log.shards import LogPlace
from dms.access.log.tilestore import TileFolder
from dms.base.clock import Clock, system_clock
from dms.base.errors import ConfigurationError
from dms.rules import signednotes
from dms.rules.checkpoints import Checkpoint
from dms.rules.signednotes import VerifierKey


def found(place: LogPlace, *, clock: Clock = system_clock) -> bool:
    """Make the key and the first shard, if there is no log yet; tells whether it did.

    A lost key is never replaced here: a log that has begun goes on under its keys, or is begun anew.
    """
    if place.shards():
        return False
    if not place.key_path.exists():
        keys.create(place.key_path, keys.made(place.origin(1)), data_folder=place.home)
    _begin(place, 1, place.signers(), clock)
    return True


def told(place: LogPlace) -> dict[str, str]:
    """Return what the event of a new log names: its origin, and the public key that signs it."""
    (signing,) = place.signers()
    return {"origin": place.origin(1), "key": str(signing.verifier)}


def new_key(place: LogPlace) -> Signer:
    """Make a key that may sign beside those that do; it counts once `add_key` was called."""
    present = place.signers()
    if len(present) > 1:
        raise ConfigurationError("a key is being replaced already: end that with `dms log rotate --finish`")
    return keys.made(present[0].name)


def add_key(place: LogPlace, key: Signer) -> None:
    """Let a new key sign beside the present one; its public key is known before it signs."""
    place.publish([key])
    keys.replace(place.key_path, [*place.signers(), key])


def retired_key(place: LogPlace) -> VerifierKey:
    """Return the key that signs no more once `retire_key` was called: the older of two."""
    present = place.signers()
    if len(present) == 1:
        raise ConfigurationError("there is one key only: `dms log rotate` makes the next one")
    _, text = proofs.latest(place.shard())
    if not keys.is_signed(signednotes.read(text), present[1].verifier):
        raise ConfigurationError("the new key has signed nothing yet: run `dms log run` and `dms log sign`")
    return present[0].verifier


def retire_key(place: LogPlace) -> None:
    """Let the older of two keys sign no more; what it signed stays known."""
    keys.replace(place.key_path, place.signers()[1:])


@dataclass(frozen=True, slots=True)
class Restart:
    """The shard that is closed, its last checkpoint, and the one that follows under a key of its own."""

    closed: int
    last: Checkpoint
    opened: int
    key: Signer


def restart(place: LogPlace) -> Restart:
    """Plan to begin a log anew that cannot go on; `carry_out` does it."""
    number = place.shards()[-1] if place.shards() else 0
    last, _ = proofs.latest(place.shard())
    return Restart(number, last, number + 1, keys.made(place.origin(number + 1)))


def carry_out(place: LogPlace, plan: Restart, *, clock: Clock = system_clock) -> None:
    """Open the new shard; all events that the database holds are signed in it from the first on."""
    if place.key_path.exists():
        keys.replace(place.key_path, [plan.key])
    else:
        keys.create(place.key_path, plan.key, data_folder=place.home)
    _begin(place, plan.opened, [plan.key], clock)


def _begin(place: LogPlace, number: int, signers: Sequence[Signer], clock: Clock) -> None:
    # Entry bundles tell who did what: others on the machine get what the server lets them have.
    place.root.mkdir(parents=True, exist_ok=True, mode=0o750)
    place.publish(signers)
    signer.begin(TileFolder(place.root / str(number)), signers, clock=clock)

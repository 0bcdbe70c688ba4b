"""A log that is witnessed over HTTP, and stamped by an authority outside."""

from __future__ import annotations

import http.server
import shutil
import subprocess
import threading
from contextlib import contextmanager

import pytest

from dms.access.log import cosigning, keys, proofs, stamps
from dms.access.log.cosigning import Cosigner
from dms.access.log.witnessing import Witness
from dms.base.actor import system_actor
from dms.base.clock import system_clock
from dms.base.errors import ConfigurationError, Unavailable
from dms.jobs.signing import Signing
from dms.rules import checkpoints, signednotes
from dms.rules.accessevents import Op
from dms.rules.checkpoints import Checkpoint
from dms.rules.signednotes import KeyKind, Note
from dms.rules.witnessing import Addition, Verdict
from dms.web.witness import create_app
from tests.signing import signed
from tests.web.conftest import Client
from tests.web.transfers import listening


@pytest.fixture
def log(fresh_house):
    """An installation whose log has a few events that are signed."""
    signed(fresh_house)
    return fresh_house


@pytest.fixture
def witness(log, tmp_path):
    found = {log.log_place.origin(1): log.log_place.known_keys()}
    return Witness(tmp_path / "witness", keys.made("witness.example", KeyKind.COSIGNATURE), found)


def grow(house):
    house.works.read(system_actor("test"), lambda work: work.performs(Op.SERVER_READ))
    return signed(house)


def policy_file(folder, *lines):
    path = folder / "witnesses"
    path.write_text("\n".join(lines))
    return path


def newest(house):
    return signednotes.read(house.log_place.shard().checkpoint())


def test_checkpoint_is_cosigned_over_http_again_and_again(log, witness, tmp_path):
    with listening(create_app(witness)) as port:
        lines = ("# who", f"witness one {witness.signer.verifier} http://127.0.0.1:{port}", "quorum 1")
        cosigner = Cosigner(cosigning.read_policy(policy_file(tmp_path, *lines)))
        signing = Signing(log.database, log.log_place, cosigner=cosigner)

        assert not proofs.is_anchored(log.log_place.shard())
        assert signing.witness() == 1
        assert proofs.is_anchored(log.log_place.shard())
        first = newest(log)
        grow(log)
        assert signing.witness() == 1
        grow(log)
        assert proofs.is_anchored(log.log_place.shard())
        # One who has forgotten what the witness knows is told by it.
        signing.cosigner = Cosigner(cosigner.policy)
        assert signing.witness() == 1
        last = newest(log)

    assert (log.log_place.shard().root / "cosigned").read_text() == str(last)
    for note in (first, last):
        assert keys.is_signed(note, witness.signer.verifier)
        assert keys.is_signed(note, log.log_place.known_keys()[0])
    assert checkpoints.read(last.text).size == checkpoints.read(first.text).size + 2
    assert witness.known(log.log_place.origin(1)) == checkpoints.read(last.text)


def test_log_that_was_begun_anew_in_secret_is_not_cosigned(log, witness):
    folder, signer = log.log_place.shard(), log.log_place.signers()[0]
    checkpoint, note = proofs.latest(folder)
    assert witness.add(str(Addition(0, (), note))).verdict is Verdict.COSIGNED
    other = str(Checkpoint(checkpoint.origin, checkpoint.size + 1, bytes(32)))
    forged = str(Note(other, (signer.sign(other),)))

    for old, proof in ((0, ()), (checkpoint.size, ()), (checkpoint.size, (bytes(32),))):
        answer = witness.add(str(Addition(old, proof, forged)))
        assert answer.verdict in {Verdict.OTHER_SIZE, Verdict.NOT_CONSISTENT}
    assert witness.known(checkpoint.origin) == checkpoint
    assert witness.add(str(Addition(0, (), note))).text == f"{checkpoint.size}\n"


def test_witness_answers_strangers_nothing(log, witness):
    client = Client(create_app(witness))
    stranger = keys.made("other.example/log/1")
    unknown, unsigned = str(Checkpoint("other.example/log/1", 0, bytes(32))), newest(log).text
    asked = {
        403: str(Addition(0, (), str(Note(unsigned, (stranger.sign(unsigned),))))),
        404: str(Addition(0, (), str(Note(unknown, (stranger.sign(unknown),))))),
        400: "old x",
        413: "x" * 70_000,
    }

    for status, text in asked.items():
        assert client.send("POST", "/add-checkpoint", content=text).status_code == status
    assert client.send("POST", "/add-checkpoint", content=b"\xff").status_code == 400


def test_witness_that_is_not_there_is_missed_and_nothing_else_stops(log, witness, tmp_path, caplog):
    lines = (f"witness one {witness.signer.verifier} http://127.0.0.1:9", "quorum 1")
    signing = Signing(
        log.database,
        log.log_place,
        cosigner=Cosigner(cosigning.read_policy(policy_file(tmp_path, *lines))),
    )

    assert signing.witness() == 0
    assert "witnesses_missing" in caplog.messages
    assert grow(log) > 0


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "must list witnesses, and a quorum of at most so many"),
        (["witness one KEY ftp://x", "quorum 1"], "line 1: write `witness NAME KEY URL` or `quorum NUMBER`"),
        (["witness one KEY http://x", "quorum 2"], "must list witnesses, and a quorum of at most so many"),
        (["witness one a+b+c http://x", "quorum 1"], "line 1: this kind of verifier key is not known"),
        (["witness one LOG http://x", "quorum 1"], "line 1: this is no key of a witness"),
    ],
)
def test_policy_that_cannot_be_meant_is_refused(tmp_path, lines, message):
    found = {
        "KEY": str(keys.made("w", KeyKind.COSIGNATURE).verifier),
        "LOG": str(keys.made("w").verifier),
    }
    written = [" ".join(found.get(word, word) for word in line.split()) for line in lines]

    with pytest.raises(ConfigurationError) as raised:
        cosigning.read_policy(policy_file(tmp_path, *written))

    assert message in str(raised.value)


OPENSSL = shutil.which("openssl")

CONFIG = """
[tsa]
default_tsa = here
[here]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
[ext]
extendedKeyUsage = critical,timeStamping
keyUsage = critical,digitalSignature
"""


@pytest.fixture(scope="session")
def authority_folder(tmp_path_factory):
    """A root and a certificate for time stamps, made by openssl."""
    if OPENSSL is None:
        pytest.skip("no `openssl` here to play the time stamp authority")
    folder = tmp_path_factory.mktemp("tsa")
    (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder))

    def run(*arguments):
        subprocess.run([OPENSSL, *arguments], cwd=folder, check=True, capture_output=True)

    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "root.key", "-out", "root.pem",
        "-subj", "/CN=Root", "-days", "2")  # fmt: skip
    run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=Stamp")
    run("x509", "-req", "-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial",
        "-out", "tsa.pem", "-days", "2", "-extfile", "tsa.cnf", "-extensions", "ext")  # fmt: skip
    return folder


@contextmanager
def stamping(folder):
    """Answer time stamp requests with openssl; yields the address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            (folder / "asked.tsq").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            subprocess.run(
                [OPENSSL, "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "asked.tsq", "-out", "answer"],
                cwd=folder,
                check=True,
                capture_output=True,
            )
            self.send_response(200)
            self.end_headers()
            self.wfile.write((folder / "answer").read_bytes())

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_checkpoint_is_stamped_and_openssl_agrees(log, authority_folder):
    folder = log.log_place.shard()
    before = system_clock()

    with stamping(authority_folder) as url:
        authority = stamps.authority(url, authority_folder / "root.pem")
        signing = Signing(log.database, log.log_place, authority=authority)
        signing.stamp()
        grow(log)
        signing.stamp()  # not again within a day

    (found,) = authority.verify(folder)
    assert found.at // 1_000_000 >= before // 1_000_000
    tsr, note = (next((folder.root / "stamps").glob(f"*.{kind}")) for kind in ("tsr", "checkpoint"))
    verified = subprocess.run(
        [OPENSSL, "ts", "-verify", "-in", tsr, "-data", note, "-CAfile", authority_folder / "root.pem"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Verification: OK" in verified.stdout + verified.stderr

    note.write_text(note.read_text().replace("\n2", "\n9", 1).replace("\n3", "\n9", 1) + "x")
    with pytest.raises(Unavailable, match="^the time stamp `0.*tsr` is not right: "):
        authority.verify(folder)


def test_answer_of_another_authority_is_not_kept(log, authority_folder, tmp_path):
    subprocess.run(
        [OPENSSL, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "k", "-out", "other.pem",
         "-subj", "/CN=Other", "-days", "2"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip

    with stamping(authority_folder) as url, pytest.raises(Unavailable, match="^the time stamp `its answer`"):
        stamps.authority(url, tmp_path / "other.pem").stamp(log.log_place.shard())

    assert stamps.last_stamp(log.log_place.shard()) is None


def test_authority_that_does_not_answer_is_named(log, authority_folder):
    authority = stamps.authority("http://127.0.0.1:9", authority_folder / "root.pem")

    with pytest.raises(Unavailable, match="^the time stamp authority `http://127.0.0.1:9` does not answer"):
        authority.stamp(log.log_place.shard())

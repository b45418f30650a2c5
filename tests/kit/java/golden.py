"""Makes tests/fixtures/murmur2.json: 200 keys with the hash and partitions that Kafka's Java
client gives them.

Run by hand, when the list of keys changes. The kit's own test recomputes the
file with Kafka's client and fails when it differs.

    python3 tests/kit/java/golden.py CLASSPATH > tests/fixtures/murmur2.json
"""

import base64
import json
import subprocess
import sys

PARTITIONS = [1, 3, 12, 64]


def keys():
    """The keys, in a fixed order: account ids, entity keys, every short length, unicode, long."""
    accounts = [f"{(n * 7_777_777_777 + 111_111_111_111) % 10**12:012d}" for n in range(80)]
    accounts += ["000000000000", "123456789012", "999999999999"]
    entities = [
        f"{account}/eu-central-1/AWS::S3::Bucket/bucket-{account[-4:]}"
        for account in accounts[:30]
    ]
    sums = [f"owner/team-{n}@example.org" for n in range(20)]
    lengths = ["abcdefghijklmnopqrst"[:n] for n in range(1, 20)]
    unicode = [
        "é", "ü", "ß", "ÄÖÜ", "naïve", "Ελλάδα", "Привет", "שלום", "مرحبا", "नमस्ते", "日本語",
        "中文帳戶", "한국어", "😀", "😀😀", "👩‍💻", "e\u0301", "\u00a0", "\ufeff", "\U0010ffff",
    ]
    controls = [" ", "\n", "\r\n", "\t", "\u0000", "\u0000\u0000\u0000\u0000", "\u007f", "a\u0000b"]
    long = [letter * size for letter in ("x", "é") for size in (100, 255, 256, 1000, 4096)]
    listed = [""] + accounts + entities + sums + lengths + unicode + controls + long
    listed += [f"requirement-{n:03d}" for n in range(200 - len(listed))]
    assert len(listed) == len(set(listed)) == 200, (len(listed), len(set(listed)))
    return listed


def main():
    listed = keys()
    lines = "".join(base64.b64encode(key.encode()).decode() + "\n" for key in listed)
    command = ["java", "-cp", sys.argv[1], "Murmur2", *map(str, PARTITIONS)]
    rows = subprocess.run(command, input=lines, text=True, check=True, capture_output=True)
    entries = []
    for key, row in zip(listed, rows.stdout.splitlines(), strict=True):
        hash_, *partitions = map(int, row.split())
        entry = {"key": key, "hash": hash_}
        entry |= {f"partition_{n}": p for n, p in zip(PARTITIONS, partitions, strict=True)}
        entries.append(json.dumps(entry, ensure_ascii=True))
    print("[\n" + ",\n".join(entries) + "\n]")


main()

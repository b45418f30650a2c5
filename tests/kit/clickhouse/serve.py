"""ClickHouse's HTTP interface over its own engine in this process, as far as the clients of the
tests use it.

    python serve.py --port 8123 --data DIR --password geheim

--data DIR       the engine's files: a server that is started again with them goes on where it was
--user USER      the one user (`default` when absent)
--password WORD  the password (none when absent)

Answers GET /ping, and POST / (or GET) with the statement in `query=` or in the body; the rows of an
INSERT are the body (also in chunks). `database`, `default_format`, `param_NAME` and settings stand
in the query string; statement and parameters may come as multipart/form-data too. Errors have the
status that ClickHouse gives them, its code in `X-ClickHouse-Exception-Code`, and its text. Requests
run one after another, in one session.

POST /kit/faults takes a list of faults, which replaces those before. Each acts on `times` requests
whose statement begins with `on`, counted after `skip` of them went well:

    {"does": "answer", "status": 503, "on": "INSERT", "times": 2, "skip": 1}   without doing it
    {"does": "cut", "on": "INSERT", "times": 1}      the connection ends in the middle of the body
    {"does": "forget", "on": "INSERT", "times": 1}   does it, and ends the connection unanswered
    {"does": "stall", "on": "INSERT", "times": 1, "seconds": 60}   reads a part of it, and waits
    {"does": "hold", "on": "INSERT", "times": 1, "seconds": 60}   does it, and answers later
"""

import argparse
import email
import http.server
import json
import re
import socket
import sys
import threading
import time
import urllib.parse

from chdb import session

# What the query string holds beside settings.
NOT_SETTINGS = {"query", "database", "default_format", "user", "password", "compress",
                "decompress", "query_id", "session_id", "role"}
# ClickHouse's codes that have another status than 500: `exceptionCodeToHTTPStatus`.
STATUS_OF_CODE = {516: 401, 194: 401, 497: 403, 60: 404, 81: 404, 46: 404, 47: 404, 159: 408,
                  62: 400, 202: 500}
NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")


class Refused(Exception):
    """An answer without asking the engine."""

    def __init__(self, status, code, text):
        super().__init__(text)
        self.status, self.code = status, code


class Engine:
    """The engine's one session; a request at a time."""

    def __init__(self, data):
        self.session = session.Session(data)
        self.lock = threading.Lock()
        self.rows = data + ".rows"

    def run(self, statement, rows, options):
        """Runs a statement with its settings, which hold for it alone, and gives the answer."""
        form = options.get("default_format", "TabSeparated")
        settings = {name: value for name, value in options.items() if name not in NOT_SETTINGS}
        for name in settings:
            if not NAME.match(name):
                raise Refused(400, 115, f"Code: 115. DB::Exception: no setting {name}")
        with self.lock:
            try:
                self.ask("USE " + quoted(options.get("database", "default"), "`"))
                for name, value in settings.items():
                    self.ask(f"SET {name} = {quoted(value, chr(39))}")
                return self.ask(self.with_rows(statement, rows), form)
            finally:
                for name in settings:
                    if not name.startswith("param_"):
                        self.ask(f"SET {name} = DEFAULT")

    def with_rows(self, statement, rows):
        """Gives a statement that reads the rows from a file: within its text, as the engine takes
        it here, rows of some hundred kilobytes are cut off."""
        if not rows:
            return statement
        with open(self.rows, "wb") as file:
            file.write(rows)
        head, form = statement.rsplit(" FORMAT ", 1)
        return f"{head} FROM INFILE {quoted(self.rows, chr(39))} FORMAT {form}"

    def ask(self, statement, form="TabSeparated"):
        return self.session.query(statement, form).bytes()


def quoted(text, mark):
    return mark + text.replace("\\", "\\\\").replace(mark, "\\" + mark) + mark


class Faults:
    """Faults that are yet to happen."""

    def __init__(self):
        self.waiting, self.lock = [], threading.Lock()

    def set(self, faults):
        with self.lock:
            self.waiting = faults

    def next(self, statement):
        """Gives the fault of a request, if it has one."""
        with self.lock:
            for fault in self.waiting:
                if not statement.startswith(fault["on"]) or fault["times"] == 0:
                    continue
                if fault.get("skip", 0) > 0:
                    fault["skip"] -= 1
                    continue
                fault["times"] -= 1
                return fault
        return None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    engine = faults = user = password = None

    def do_GET(self):
        if self.path == "/ping":
            self.answer(200, b"Ok.\n")
        else:
            self.do_POST()

    def do_POST(self):
        url = urllib.parse.urlsplit(self.path)
        options = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        if url.path == "/kit/faults":
            self.faults.set(json.loads(self.body()))
            return self.answer(200, b"")
        inserted = "query" in options
        if not inserted:
            options.update(self.fields(self.body()))
        statement = options["query"]
        fault = self.faults.next(statement) or {"does": None}
        if fault["does"] in ("cut", "stall"):
            self.rfile.read1(1)
            self.wait(fault)
            return self.cut()
        rows = self.body() if inserted else b""
        if fault["does"] == "answer":
            return self.answer(fault["status"], b"not now\n", [("Retry-After", "1")])
        done = self.perform(statement, rows, options)
        if fault["does"] == "forget":
            return self.cut()
        self.wait(fault)
        self.answer(*done)

    def wait(self, fault):
        if "seconds" in fault:
            print("held", flush=True)
            time.sleep(fault["seconds"])

    def perform(self, statement, rows, options):
        try:
            given = (self.headers.get("X-ClickHouse-User", options.get("user", "default")),
                     self.headers.get("X-ClickHouse-Key", options.get("password", "")))
            if given != (self.user, self.password):
                text = f"Code: 516. DB::Exception: {given[0]}: Authentication failed"
                raise Refused(401, 516, text)
            return 200, self.engine.run(statement, rows, options), []
        except Refused as refused:
            text, status, code = str(refused), refused.status, refused.code
        except Exception as error:
            text = str(error)
            found = re.search(r"Code: (\d+)", text)
            code = int(found.group(1)) if found else 1002
            status = STATUS_OF_CODE.get(code, 500)
        return status, text.encode(), [("X-ClickHouse-Exception-Code", str(code))]

    def fields(self, body):
        """Gives the statement in a body, and what else a form has."""
        kind = self.headers.get("Content-Type", "")
        if not kind.startswith("multipart/form-data"):
            return {"query": body.decode()}
        form = email.message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
        return {part.get_param("name", header="Content-Disposition"):
                part.get_payload(decode=True).decode() for part in form.get_payload()}

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0] or b"-1", 16):
            part = self.rfile.read(max(size, 0))
            if size < 0 or len(part) < size:
                # The client went away in the middle: nothing of it may be done.
                raise ConnectionError("the body ended in the middle")
            parts.append(part)
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def cut(self):
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


def main():
    """Serves until it is killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--user", default="default")
    parser.add_argument("--password", default="")
    options = parser.parse_args()
    Handler.engine, Handler.faults = Engine(options.data), Faults()
    Handler.user, Handler.password = options.user, options.password
    server = http.server.ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    server.daemon_threads = True
    print(f"serving on port {options.port}", file=sys.stderr, flush=True)
    server.serve_forever()


main()

"""The page's two homes: the binary's server, and any server of a folder."""

import contextlib
import functools
import http.server
import re
import subprocess
import threading


@contextlib.contextmanager
def served(adder):
    """Starts `adder serve` with the built-in weights on a free port; gives its address."""
    command = [adder, "serve", "--addr", "127.0.0.1:0", "pretrained"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            said = []
            for line in process.stderr:
                said.append(line)
                if found := re.search(r"http://\S+/", line):
                    break
            else:
                raise RuntimeError(f"{command} named no address: {''.join(said)}")
            threading.Thread(target=process.stderr.read, daemon=True).start()
            yield found.group()
        finally:
            process.terminate()
            process.wait(timeout=30)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextlib.contextmanager
def folder(path):
    """Serves a folder on a free port; gives its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=path))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()

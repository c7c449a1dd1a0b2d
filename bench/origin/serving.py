"""Servers under measurement, and the clients that ask them."""
import contextlib
import json
import socket
import subprocess
import time

import limits


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def is_up(port):
    with socket.socket() as s:
        s.settimeout(0.2)
        return s.connect_ex(("127.0.0.1", port)) == 0


def wait_until_up(process, port, start, patience_s=20):
    """Seconds from `start` until the port accepts a connection."""
    while time.monotonic() - start < patience_s:
        if is_up(port):
            return time.monotonic() - start
        if process.poll() is not None:
            break
        time.sleep(0.0002)
    raise RuntimeError(f"the server on port {port} did not start")


@contextlib.contextmanager
def running(cage, command, port, **rest):
    """A server inside `cage`; its Popen, stopped again at the end."""
    if is_up(port):
        raise limits.Skip(f"port {port} is taken")
    process = cage.start(command, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL, **rest)
    try:
        process.start_s = wait_until_up(process, port, process.exec_s)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Asker:
    """bench-ask, running; result() waits for what it counted."""

    def __init__(self, bench, port, prefix, **options):
        command = [bench.program("bench-ask"), "--port", port,
                   "--prefix", prefix]
        for name, value in options.items():
            command += [f"--{name}", value]
        self.process = subprocess.Popen([str(c) for c in command],
                                        stdout=subprocess.PIPE, text=True)

    def result(self):
        out, _ = self.process.communicate(timeout=1800)
        return json.loads(out)


def nginx_configuration(folder, port, root):
    """A folder of tiles served as one would: two workers, sendfile."""
    text = f"""worker_processes 2;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    sendfile on;
    keepalive_requests 100000000;
    types {{ image/png png; }}
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location /t/ {{ alias {root}/; }}
    }}
}}
"""
    path = folder / "nginx.conf"
    path.write_text(text)
    return path

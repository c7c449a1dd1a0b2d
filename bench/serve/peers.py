"""How each server is started on the corpus. A peer that is not installed is
skipped by name; bench/README.md says where each comes from."""
import os
import shutil
import subprocess

from process import Server

NGINX = """daemon off; worker_processes 1; pid {work}/nginx.pid;
error_log {work}/nginx.err;
events {{ worker_connections 2048; }}
http {{
  access_log off; sendfile on; tcp_nopush on; tcp_nodelay on;
  keepalive_requests 1000000000; keepalive_timeout 600s;
  open_file_cache max=100000 inactive=600s; open_file_cache_valid 600s;
  open_file_cache_min_uses 1;
  client_body_temp_path {work}/b; proxy_temp_path {work}/p;
  fastcgi_temp_path {work}/f; uwsgi_temp_path {work}/u; scgi_temp_path {work}/s;
  types {{ image/jpeg jpg jpeg; image/png png; image/webp webp;
           application/vnd.mapbox-vector-tile mvt pbf; }}
  server {{ listen 127.0.0.1:{port} backlog=1024; root {folder};
    location / {{ {gzip} add_header Cache-Control "public, max-age=3600";
                  add_header Access-Control-Allow-Origin *; }} }}
}}
"""

H2O = """num-threads: 1
max-connections: 2048
http1-request-timeout: 600
http1-upgrade-to-http2: OFF
file.mime.addtypes:
  "image/jpeg": ".jpg"
  "application/vnd.mapbox-vector-tile": ".mvt"
hosts:
  default:
    listen: {{ port: {port}, host: 127.0.0.1 }}
    paths:
      "/": {{ file.dir: "{folder}", header.set: "Cache-Control: public, max-age=3600" }}
pid-file: {work}/h2o.pid
error-log: {work}/h2o.err
"""

VARNISH = """vcl 4.1;
backend default {{ .host = "127.0.0.1"; .port = "{backend}"; }}
"""


def _version(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True,
                              timeout=10, check=False)
        text = (done.stdout + done.stderr).strip().splitlines()
        return text[0][:80] if text else "?"
    except OSError:
        return None


class Peer:
    """`start` returns a Server; `target` turns (z, x, y) into a path."""
    name = ""
    program = ""
    form = "folder"

    def version(self):
        path = shutil.which(self.program)
        return path and _version(path, "--version")

    def target(self, corpus, tile):
        return "/{}/{}/{}.{}".format(*tile, corpus.extension)


class Imbrex(Peer):
    name = "imbrex"
    form = "imbrex"

    def __init__(self, program, extra=(), name="imbrex"):
        self.program = program
        self.extra = list(extra)
        self.name = name

    def start(self, corpus, port, work, cpus):
        return Server([self.program, "--port", str(port), "--admin", "off",
                       "--threads", "1", "--id", "map", *self.extra,
                       corpus.imbrex], port, f"{work}/imbrex.log", cpus)

    def target(self, corpus, tile):
        return "/map/{}/{}/{}.{}".format(*tile, corpus.extension)


class Nginx(Peer):
    name = "nginx"
    program = "nginx"

    def version(self):
        return shutil.which("nginx") and _version("nginx", "-v")

    def start(self, corpus, port, work, cpus):
        config = f"{work}/nginx.conf"
        gzip = ("add_header Content-Encoding gzip;" if corpus.gzipped else "")
        with open(config, "w") as out:
            out.write(NGINX.format(work=work, port=port, folder=corpus.folder,
                                   gzip=gzip))
        return Server(["nginx", "-c", config, "-p", work], port,
                      f"{work}/nginx.log", cpus)


class H2o(Peer):
    name = "h2o"
    program = "h2o"

    def start(self, corpus, port, work, cpus):
        config = f"{work}/h2o.conf"
        with open(config, "w") as out:
            out.write(H2O.format(work=work, port=port, folder=corpus.folder))
        return Server(["h2o", "-m", "worker", "-c", config], port,
                      f"{work}/h2o.log", cpus)


class GoPmtiles(Peer):
    name = "go-pmtiles"
    program = "pmtiles"
    form = "pmtiles"

    def version(self):
        path = shutil.which(self.program)
        return path and _version(path, "version")

    def start(self, corpus, port, work, cpus):
        folder, _ = os.path.split(corpus.pmtiles)
        return Server(["pmtiles", "serve", folder, "--port", str(port),
                       "--interface", "127.0.0.1"], port,
                      f"{work}/pmtiles.log", cpus, {"GOMAXPROCS": "1"})

    def target(self, corpus, tile):
        return "/map/{}/{}/{}.{}".format(*tile, corpus.extension)


class Martin(Peer):
    name = "martin"
    program = "martin"
    form = "mbtiles"

    def start(self, corpus, port, work, cpus):
        return Server(["martin", "--listen-addresses", f"127.0.0.1:{port}",
                       "--workers", "1", corpus.mbtiles], port,
                      f"{work}/martin.log", cpus)

    def target(self, corpus, tile):
        return "/map/{}/{}/{}".format(*tile)


class Mbtileserver(Peer):
    name = "mbtileserver"
    program = "mbtileserver"
    form = "mbtiles"

    def start(self, corpus, port, work, cpus):
        folder, _ = os.path.split(corpus.mbtiles)
        return Server(["mbtileserver", "--host", "127.0.0.1", "--port",
                       str(port), "--dir", folder], port,
                      f"{work}/mbtileserver.log", cpus, {"GOMAXPROCS": "1"})

    def target(self, corpus, tile):
        return "/services/map/tiles/{}/{}/{}.{}".format(*tile,
                                                        corpus.extension)


class TileserverGlLight(Peer):
    name = "tileserver-gl-light"
    program = "tileserver-gl-light"
    form = "mbtiles"

    def start(self, corpus, port, work, cpus):
        return Server(["tileserver-gl-light", "--file", corpus.mbtiles,
                       "--bind", "127.0.0.1", "--port", str(port), "--silent"],
                      port, f"{work}/tileserver.log", cpus)

    def target(self, corpus, tile):
        return "/data/map/{}/{}/{}.{}".format(*tile, corpus.extension)


class Ceiling(Peer):
    """One prepared response of the corpus' mean size to every request."""
    name = "ceiling"
    form = "none"

    def __init__(self, program):
        self.program = program

    def version(self):
        return "epoll + writev"

    def start(self, corpus, port, work, cpus):
        return Server([self.program, str(port), str(corpus.mean_nbytes)], port,
                      f"{work}/ceiling.log", cpus)


PEERS = [Nginx, H2o, GoPmtiles, Martin, Mbtileserver, TileserverGlLight]

"""How each server is started on the corpus. A peer that is not installed is
skipped by name; bench/README.md says where each comes from."""
import getpass
import os
import shutil
import struct
import subprocess

from process import Server, free_port

NGINX = """daemon off; worker_processes {workers}; pid {work}/nginx.pid;
error_log {work}/nginx.err;
events {{ worker_connections 2048; }}
http {{
  access_log off; sendfile on; tcp_nopush on; tcp_nodelay on;
  keepalive_requests 1000000000; keepalive_timeout 600s;
  open_file_cache max=16000 inactive=600s; open_file_cache_valid 600s;
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

H2O = """num-threads: {workers}
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
user: {user}
"""

VARNISH = """vcl 4.1;
backend default {{ .host = "127.0.0.1"; .port = "{backend}"; }}
"""


APACHE = """ServerRoot {work}
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {work}/apache.pid
ErrorLog {work}/apache.err
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
StartServers 1
ServerLimit 1
ThreadsPerChild 64
MaxRequestWorkers 64
MinSpareThreads 1
MaxSpareThreads 64
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 600
DocumentRoot {work}/apache
{lines}
"""

MOD_TILE = """LoadModule tile_module {modules}/mod_tile.so
ModTileTileDir {folder}
ModTileRenderdSocketName {folder}/none
ModTileRequestTimeout 0
ModTileMissingRequestTimeout 0
ModTileMaxLoadOld 1000
ModTileMaxLoadMissing 1000
ModTileCacheDurationDirty 3600
ModTileCacheDurationMinimum 3600
LoadTileConfigFile {folder}/renderd.conf
"""

RENDERD = """[renderd]
socketname={folder}/none
tile_dir={folder}

[mapnik]

[map]
URI=/map/
TILEDIR={folder}
MAXZOOM={zoom}
TYPE={extension} {type}
XML=none
"""

MAPCACHE = """<?xml version="1.0" encoding="UTF-8"?>
<mapcache>
 <cache name="c" type="mbtiles"><dbfile>{file}</dbfile></cache>
 <tileset name="map"><cache>c</cache><grid>GoogleMapsCompatible</grid>
  <format>{format}</format><read-only>true</read-only></tileset>
 <default_format>{format}</default_format>
 <service type="gmaps" enabled="true"/>
 <errors>report</errors>
</mapcache>
"""


def metatile_path(folder, z, x, y):
    """Where mod_tile looks for the 8 x 8 tiles around one."""
    x, y, parts = x & ~7, y & ~7, []
    for _ in range(5):
        parts.append(str((x & 15) << 4 | (y & 15)))
        x, y = x >> 4, y >> 4
    return "{}/{}/{}.meta".format(folder, z, "/".join(reversed(parts)))


def write_metatiles(corpus, folder):
    """Header, 64 pairs of offset and length, and the tiles one by one."""
    if os.path.isdir(folder):
        return
    groups = {}
    for z, x, y in corpus.tiles:
        groups.setdefault((z, x & ~7, y & ~7), []).append((x, y))
    for (z, x0, y0), tiles in groups.items():
        index, blob = [(0, 0)] * 64, b""
        start = 20 + 64 * 8
        for x, y in tiles:
            with open(corpus.path((z, x, y)), "rb") as tile:
                data = tile.read()
            index[(x & 7) * 8 + (y & 7)] = (start + len(blob), len(data))
            blob += data
        path = metatile_path(folder, z, x0, y0)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(struct.pack("<4s4i", b"META", 64, x0, y0, z))
            for pair in index:
                out.write(struct.pack("<2i", *pair))
            out.write(blob)


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
    workers = 1  # threads or processes that those who can are told to use

    def version(self):
        path = shutil.which(self.program)
        return path and _version(path, "--version")

    def start(self, corpus, port, work, cpus):
        raise NotImplementedError

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
                       "--threads", str(self.workers), "--id", "map", *self.extra,
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
                                   gzip=gzip, workers=self.workers))
        return Server(["nginx", "-c", config, "-p", work], port,
                      f"{work}/nginx.log", cpus)


class H2o(Peer):
    name = "h2o"
    program = "h2o"

    def start(self, corpus, port, work, cpus):
        config = f"{work}/h2o.conf"
        with open(config, "w") as out:
            out.write(H2O.format(port=port, folder=corpus.folder,
                                 workers=self.workers,
                                 user=getpass.getuser()))
        return Server(["h2o", "-m", "worker", "-c", config], port,
                      f"{work}/h2o.log", cpus)


class Varnish(Peer):
    """In front of nginx, everything in its memory."""
    name = "varnish"
    program = "varnishd"

    def version(self):
        return (shutil.which("varnishd") and shutil.which("nginx")
                and _version("varnishd", "-V"))

    def start(self, corpus, port, work, cpus):
        backend = free_port()
        self.behind = Nginx().start(corpus, backend, work, cpus)
        self.behind.wait_until_up()
        with open(f"{work}/varnish.vcl", "w") as out:
            out.write(VARNISH.format(backend=backend))
        server = Server(["varnishd", "-F", "-j", "none", "-n",
                         f"{work}/varnish", "-a", f"127.0.0.1:{port}", "-f",
                         f"{work}/varnish.vcl", "-s", "malloc,256m", "-p",
                         "timeout_idle=600"], port, f"{work}/varnish.log",
                        cpus)
        server.before_stop.append(self.behind.stop)
        return server


class Apache(Peer):
    """One process of Apache's event module, with one of its tile modules."""
    program = "apache2"
    modules = "/usr/lib/apache2/modules"
    module = ""

    def version(self):
        if not os.path.exists(f"{self.modules}/{self.module}"):
            return None
        return shutil.which("apache2") and _version("apache2", "-v")

    def run(self, port, work, cpus, lines):
        os.makedirs(f"{work}/apache", exist_ok=True)
        with open(f"{work}/apache.conf", "w") as out:
            out.write(APACHE.format(work=work, port=port, lines=lines,
                                    modules=self.modules))
        return Server(["apache2", "-DFOREGROUND", "-f",
                       f"{work}/apache.conf"], port, f"{work}/apache.log",
                      cpus)


class ModTile(Apache):
    """Metatiles of 8 x 8 tiles in the layout of mod_tile's cache."""
    name = "mod_tile"
    module = "mod_tile.so"

    def start(self, corpus, port, work, cpus):
        folder = f"{work}/metatiles-{corpus.kind}"
        write_metatiles(corpus, f"{folder}/map")
        with open(f"{folder}/renderd.conf", "w") as out:
            out.write(RENDERD.format(
                folder=folder, extension=corpus.extension,
                type=corpus.media_type, zoom=max(t[0] for t in corpus.tiles)))
        return self.run(port, work, cpus, MOD_TILE.format(
            folder=folder, modules=self.modules))

    def target(self, corpus, tile):
        return "/map/{}/{}/{}.{}".format(*tile, corpus.extension)


class MapCache(Apache):
    """Reads the MBTiles file; only formats that it knows."""
    name = "mapcache"
    module = "mod_mapcache.so"

    def start(self, corpus, port, work, cpus):
        if corpus.extension not in ("jpg", "png"):
            raise RuntimeError("it serves pictures only")
        with open(f"{work}/mapcache.xml", "w") as out:
            out.write(MAPCACHE.format(
                file=corpus.mbtiles,
                format="JPEG" if corpus.extension == "jpg" else "PNG"))
        return self.run(port, work, cpus,
                        f"LoadModule mapcache_module {self.modules}/"
                        f"{self.module}\nMapCacheAlias /mc "
                        f"{work}/mapcache.xml\n")

    def target(self, corpus, tile):
        return "/mc/gmaps/map@GoogleMapsCompatible/{}/{}/{}.{}".format(
            *tile, corpus.extension)


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
                      f"{work}/pmtiles.log", cpus, {"GOMAXPROCS": str(self.workers)})

    def target(self, corpus, tile):
        extension = "mvt" if corpus.extension == "pbf" else corpus.extension
        return "/map/{}/{}/{}.{}".format(*tile, extension)


class Martin(Peer):
    name = "martin"
    program = "martin"
    form = "mbtiles"

    def start(self, corpus, port, work, cpus):
        return Server(["martin", "--listen-addresses", f"127.0.0.1:{port}",
                       "--workers", str(self.workers), corpus.mbtiles], port,
                      f"{work}/martin.log", cpus)

    def target(self, corpus, tile):
        return "/map/{}/{}/{}".format(*tile)


class Mbtileserver(Peer):
    name = "mbtileserver"
    program = "mbtileserver"
    form = "mbtiles"

    def version(self):  # it has no option that prints it
        return shutil.which(self.program) and "unknown version"

    def start(self, corpus, port, work, cpus):
        folder, _ = os.path.split(corpus.mbtiles)
        return Server(["mbtileserver", "--host", "127.0.0.1", "--port",
                       str(port), "--dir", folder], port,
                      f"{work}/mbtileserver.log", cpus, {"GOMAXPROCS": str(self.workers)})

    def target(self, corpus, tile):
        return "/services/map/tiles/{}/{}/{}.{}".format(*tile,
                                                        corpus.extension)


class TileserverGlLight(Peer):
    name = "tileserver-gl-light"
    program = "tileserver-gl"  # as its npm package names it
    form = "mbtiles"

    def start(self, corpus, port, work, cpus):
        return Server([self.program, "--file", corpus.mbtiles,
                       "--bind", "127.0.0.1", "--port", str(port), "--silent"],
                      port, f"{work}/tileserver.log", cpus)

    def target(self, corpus, tile):
        return "/data/map/{}/{}/{}.{}".format(*tile, corpus.extension)


class Ceiling(Peer):
    """One prepared response, as large as what is asked for in the mean."""
    name = "ceiling"
    form = "none"
    bodyless = False  # as a 304 is

    def __init__(self, program):
        self.program = program

    def version(self):
        return "epoll + writev"

    def start(self, corpus, port, work, cpus):
        return Server([self.program, str(port),
                       str(0 if self.bodyless else corpus.asked_nbytes)], port,
                      f"{work}/ceiling.log", cpus)


class Library(Ceiling):
    """The same by libmicrohttpd: one response queued again, or one each."""

    def __init__(self, program, how):
        super().__init__(program)
        self.how = how
        self.name = f"libmicrohttpd, {how}"

    def version(self):
        return os.path.exists(self.program) and "as the server's"

    def start(self, corpus, port, work, cpus):
        return Server([self.program, str(port), str(corpus.asked_nbytes),
                       self.how], port, f"{work}/library.log", cpus)


PEERS = [Nginx, H2o, Varnish, ModTile, MapCache, GoPmtiles, Martin, Mbtileserver, TileserverGlLight]

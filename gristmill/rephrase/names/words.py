"""Words that look like names and are none, and names that look like words: lists of our own."""

from __future__ import annotations

import re

from gristmill.rephrase.numbers.units import is_currency_code, is_unit

# Capitalised at will, or part of a name that another word tells.
_DAYS_MONTHS_AND_SUCH = (
    "monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays fridays "
    "saturdays sundays january february march april may june july august september october november december montag "
    "dienstag mittwoch donnerstag freitag samstag sonnabend sonntag januar februar märz mai juni juli oktober "
    "dezember ok okay christmas easter internet web god ai north south east west northern southern eastern western "
    "earth sun moon luna century the this that these those it he she they we you"
)
_TITLES = (
    "mr mrs ms mx miss dr prof rev sr jr sgt cpl lt capt col gen maj cllr sen rep gov hon mayor president vice king "
    "queen prince princess duke duchess earl count countess baron emperor empress pope bishop professor doctor "
    "nurse captain sergeant corporal lieutenant colonel general major admiral officer inspector detective constable "
    "judge justice minister secretary chancellor senator councillor councilor councilman councilwoman governor "
    "ambassador sir lady lord dame saint sister brother father mother ceo cfo coo cto chief executive director "
    "chairman chairwoman chair chairperson manager coach spokesman spokeswoman monsieur madame mme mlle herr frau"
)
_KINDS_OF_PLACES_AND_BODIES = (
    "university college school academy institute museum library theatre theater hospital church cathedral abbey "
    "chapel river lake mount mountain mountains hill hills valley forest bay sea ocean island islands coast street "
    "road avenue lane square park garden gardens bridge station airport state states kingdom republic empire county "
    "city town village district ward province region company corporation inc ltd plc gmbh bank group society club "
    "team league cup association foundation trust union party council committee board office department ministry "
    "agency court parliament senate congress assembly army navy police government war act"
)
_SCALES = (
    "celsius fahrenheit kelvin réaumur beaufort richter scoville"  # of what is measured; numbers/ compares it
    " mio mrd md mds tsd bn am pm gmt utc bc ad bce ce"
)
_ABBREVIATED_NOUNS = "tv pc cd dvd gps sms usb dna dns id vip suv ngo faq diy wlan wifi lkw pkw nr no vol fig"
NO_NAMES = frozenset(
    f"{_DAYS_MONTHS_AND_SUCH} {_TITLES} {_KINDS_OF_PLACES_AND_BODIES} {_SCALES} {_ABBREVIATED_NOUNS}".split()
)

# Programs and services that are written in small letters; those that are words as well are left out.
_SOFTWARE = (
    "ansible apache2 argparse asyncio autoconf automake awk bazel bind9 btrfs bzip2 cassandra chocolatey "
    "clickhouse cmake cockroachdb conda containerd couchdb cpython crio cron csh ctags cvs cython dask debian "
    "deno django dnsmasq dockerd dovecot dpkg duckdb elasticsearch emacs envoyproxy esbuild eslint esxi etcd "
    "exim4 ext4 fastapi ffmpeg firefox flake8 flatpak fluentd freebsd gcc gdb gensim gitlab glibc gnupg "
    "golang golangci gradle grafana graphviz grep grpc gunicorn gzip hadoop haproxy haskell heroku homebrew "
    "htop httpd imagemagick influxdb iptables istio jaeger javascript jenkins jinja2 journald jquery jupyter "
    "jupyterlab k3s kafka keras kibana kubectl kubernetes ldap leveldb libvirt lightgbm lighttpd linux llvm "
    "lodash logstash luajit lucene lxc macos mariadb matplotlib memcache memcached minio mongodb mypy mysql "
    "nats neovim netcat nginx nodejs npm numpy nvidia onnx openbsd opencv openldap openssh openssl openvpn "
    "pathlib perl pfsense php pipenv plotly pnpm podman postgres postgresql powershell prometheus proxmox "
    "pyarrow pydantic pylint pytest pytorch qemu rabbitmq redis rocksdb rsync rsyslog rustc scikit scipy "
    "seaborn sendmail sklearn solr sqlite sqlite3 ssh sshd statsd sudo sveltekit svn systemd tcpdump telegraf "
    "telnet tensorflow tmux traefik truenas tshark typescript ubuntu uvicorn uwsgi valgrind virtualbox "
    "virtualenv vmware webpack wget wireguard wireshark xen xfs xgboost yaml yarnpkg zeromq zfs zookeeper zsh "
    "zstd"
)
SOFTWARE = frozenset(_SOFTWARE.split())

_ELEMENTS = {
    "H": "hydrog water wasser eau ammon metha bicar", "C": "carb kohle bicar metha",
    "N": "nitr sticks azot ammon", "O": "oxyg oxid oxyd dioxi sauer water wasser eau bicar carbon silica alumina",
    "F": "fluor", "Na": "sodi soda natri salt salz sel", "Mg": "magnes", "Al": "alumin", "Si": "silic siliz",
    "P": "phosph", "S": "sulph sulf schwef soufr", "Cl": "chlor salt salz sel", "K": "potass kali",
    "Ca": "calci kalzi lime kalk", "Fe": "iron eisen fer", "Cu": "copper kupfer cuivr", "Zn": "zinc zink",
    "Ag": "silver silber argent", "Au": "gold or", "Pb": "lead blei plomb", "Hg": "mercur queck", "U": "uran",
}  # fmt: skip
_ELEMENT = re.compile(r"([A-Z][a-z]?)[0-9₀-₉]*")
_FORMULA = re.compile(r"(?:[A-Z][a-z]?[0-9₀-₉]*){2,8}|[A-Z][a-z]?[0-9₀-₉]+")
_PREFIXED_UNIT = re.compile(
    r"[kMGTPmµnhcd]?(?:Wh?|Hz|Pa|VA?|Ah?|[Bb]|bit|J|eV|N|g|m|[Ll]|Bq|Sv|Gy|mol|bar|cal)(?:ps)?|mmHg|pH|kn|rpm"
)


def is_formula(word: str, source_words: frozenset[str]) -> bool:
    """Whether the word is a chemical formula (CO₂) of substances that the passage names, by its words in lower case."""
    if not _FORMULA.fullmatch(word):
        return False
    elements = _ELEMENT.findall(word)
    if any(element not in _ELEMENTS for element in elements):
        return False
    named = sum(
        any(word.startswith(tuple(_ELEMENTS[element].split())) for word in source_words)
        for element in elements
    )
    return 2 * named > len(elements)


def is_prefixed_unit(word: str) -> bool:
    """Whether the word is a unit with capitals inside (kWh, MHz)."""
    return is_unit(word) or is_currency_code(word) or _PREFIXED_UNIT.fullmatch(word) is not None

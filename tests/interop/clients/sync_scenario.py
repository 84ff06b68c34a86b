"""One scenario of sync against one server, as the Dart client of EntiDB would live it. Prints what was seen."""

import argparse
from typing import Any

from entidb.frame import run_script
from entidb_sync import defects, exchange, fuzz, hostile, raw
from entidb_sync.bench import Bench

SUBJECTS = (exchange, defects, hostile, raw, fuzz)


def main() -> dict[str, Any]:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--secret", required=True, help="what tokens are signed with")
    parser.add_argument("--scenario", required=True)
    parser.add_argument("--seed", type=int, default=1, help="of what is random")
    parser.add_argument("--admin-url", help="where the admin API is, if it is elsewhere")
    options = parser.parse_args()
    bench = Bench(options.url, options.secret, options.admin_url, options.seed)
    for subject in SUBJECTS:
        scenario = getattr(subject, options.scenario, None)
        if scenario is not None:
            return scenario(bench)
    parser.error(f"no scenario {options.scenario}")


run_script(main)

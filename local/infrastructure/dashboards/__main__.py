"""Makes the dashboards in ``infra/dashboards`` again: ``python -m local.infrastructure.dashboards``."""

from __future__ import annotations

from local.infrastructure.dashboards.files import FOLDER, dashboard_files

if __name__ == "__main__":
    for name, text in dashboard_files():
        (FOLDER / name).write_text(text, "utf-8")
        print(FOLDER / name)

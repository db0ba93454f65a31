"""One browser for the tests of pages."""

import shutil

import pytest


@pytest.fixture(scope="module")
def driver():
    """Return a browser without a window that keeps what pages write to its console."""
    driver_path, browser_path = shutil.which("chromedriver"), shutil.which("chromium")
    if not driver_path or not browser_path:
        pytest.skip("no Chromium or ChromeDriver on this machine (Debian: chromium, chromium-driver)")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = browser_path
    quiet = ["background-networking", "component-update", "sync", "gpu", "quic", "dev-shm-usage"]
    for flag in [
        "headless",
        "no-sandbox",
        "no-first-run",
        "window-size=1100,1600",
        *(f"disable-{x}" for x in quiet),
    ]:
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(service=Service(driver_path), options=options)
    yield driver
    driver.quit()

"""Entry point of Waterline: check the Python version, read the settings, build the app and serve it."""

import logging
import os
import sys

from workbench.core.python_version import version_error


def main() -> None:
    """Serve until stopped."""
    if problem := version_error(sys.version_info[:2]):
        sys.exit(problem)
    serve()


def serve() -> None:
    """Read the settings from the environment and serve the app; imports are local since they need a checked Python version."""
    import uvicorn

    from storage.core.errors import DomainError
    from workbench.core.instance_lock import InstanceLock
    from workbench.core.privacy import restrict_process
    from workbench.core.settings import from_environment
    from workbench.server import build_app
    from workbench.services import build_services
    from workbench.web.exposure import warn_or_refuse

    restrict_process()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        settings = from_environment(os.environ)
        warnings = warn_or_refuse(settings)
        lock = InstanceLock(settings.data, f"http://{settings.host}:{settings.port}")
    except DomainError as error:
        sys.exit(str(error))
    # Worker processes inherit the environment and do not need the password.
    os.environ.pop("WORKBENCH_PASSWORD", None)
    app = build_app(build_services(settings))
    print(f"Waterline: open http://{settings.host}:{settings.port} (data in {settings.data})", flush=True)
    for warning in warnings:
        print(f"WARNING: {warning}", flush=True)
    uvicorn.run(app, host=settings.host, port=settings.port, log_level="warning", timeout_graceful_shutdown=3)
    lock.release()


if __name__ == "__main__":
    main()

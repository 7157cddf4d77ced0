FROM python:3.11-slim

# The user that Spaces run as; nothing here needs root.
RUN useradd --create-home --uid 1000 user
USER user
WORKDIR /home/user/app
ENV HOME=/home/user \
    PATH=/home/user/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_SERVER_PORT=7860 \
    GRADIO_ANALYTICS_ENABLED=False \
    WORKBENCH_DATA=/home/user/data

# Dependencies in a layer of their own: a change of the code does not install them again.
COPY --chown=user requirements.lock .
RUN python -m venv /home/user/venv && pip install --no-cache-dir --require-hashes -r requirements.lock

COPY --chown=user app.py ./
COPY --chown=user storage ./storage
COPY --chown=user workbench ./workbench
RUN mkdir -p /home/user/data
VOLUME /home/user/data

EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD \
    python -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/healthz', timeout=4)"
CMD ["python", "app.py"]

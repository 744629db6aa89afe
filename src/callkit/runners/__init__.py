"""The other end of runners that send work elsewhere: what `callkit worker` runs, and what a Celery application can."""

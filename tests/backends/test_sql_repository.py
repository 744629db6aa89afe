import shutil
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from callkit.backends.repositories.sql import SqlRepository
from callkit.testing.repository import NewRepository, RepositoryContract


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database: copying it is quicker than making it."""
    path = tmp_path_factory.mktemp("template") / "calls.db"
    with closing(SqlRepository.open(path)) as repository:
        repository.upgrade()
    return path


class TestSqlRepository(RepositoryContract):
    @pytest.fixture
    def new_repository(self, template: Path, tmp_path: Path) -> NewRepository:
        names = count()

        def new() -> SqlRepository:
            return SqlRepository.open(shutil.copy(template, tmp_path / f"{next(names)}.db"))

        return new

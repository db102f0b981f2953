"""The measured programs: each is run alone, by its name, in a fresh process."""

import csv
import json
import os
import sqlite3
import sys


def raw_import(source: str, database: str) -> None:
    """The limit: parse each line and insert two texts, one transaction."""
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE entries (id INTEGER PRIMARY KEY, question TEXT, answer TEXT)")

    def rows():  # type: ignore[no-untyped-def]
        with open(source, encoding="utf-8") as file:
            for line in file:
                messages = json.loads(line)["messages"]
                yield messages[0]["content"], messages[1]["content"]

    with connection:
        connection.executemany("INSERT INTO entries (question, answer) VALUES (?, ?)", rows())
    connection.close()


def raw_csv_import(source: str, database: str) -> None:
    """The limit for a table: csv.reader and two texts a row, one transaction."""
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE entries (id INTEGER PRIMARY KEY, question TEXT, answer TEXT)")
    with connection, open(source, encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        next(reader)
        connection.executemany("INSERT INTO entries (question, answer) VALUES (?, ?)", reader)
    connection.close()


def product_import(source: str, folder: str) -> None:
    """The command `ltt import`: detection, staging, hash, indexes, full sync, publication."""
    os.environ["LTT_DATA_DIR"] = folder
    from app.cli import main

    main(["import", source, "--dataset", "Benchmark", "--create"])


def orm_import(source: str, database: str) -> None:
    """An ORM loop: one object per row, flushed in chunks."""
    from sqlalchemy import create_engine
    from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

    class Base(DeclarativeBase):
        pass

    class Pair(Base):
        __tablename__ = "pairs"
        id: Mapped[int] = mapped_column(primary_key=True)
        question: Mapped[str]
        answer: Mapped[str]

    engine = create_engine(f"sqlite:///{database}")
    Base.metadata.create_all(engine)
    with Session(engine) as session, open(source, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            messages = json.loads(line)["messages"]
            session.add(Pair(question=messages[0]["content"], answer=messages[1]["content"]))
            if number % 1000 == 0:
                session.flush()
                session.expunge_all()
        session.commit()


def sqlite_utils_import(source: str, database: str) -> None:
    """The command `sqlite-utils insert --nl`, in process."""
    from sqlite_utils import cli

    cli.cli(["insert", database, "entries", source, "--nl"], standalone_mode=False)


def raw_export(folder: str, out: str) -> None:
    """The limit: driver cursor and a JSON object per row."""
    connection = sqlite3.connect(f"file:{folder}/ltt.db?mode=ro", uri=True)
    with open(out, "w", encoding="utf-8") as file:
        for question, answer in connection.execute("SELECT question, answer FROM entries ORDER BY id"):
            messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
            file.write(json.dumps({"messages": messages}, ensure_ascii=False) + "\n")


def raw_csv_export(folder: str, out: str) -> None:
    """The limit for CSV: driver cursor and csv.writer."""
    connection = sqlite3.connect(f"file:{folder}/ltt.db?mode=ro", uri=True)
    with open(out, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "question", "answer", "status", "split"])
        writer.writerows(connection.execute("SELECT id, question, answer, status, split FROM entries ORDER BY id"))


def product_export(folder: str, out: str, to: str) -> None:
    """Our export over HTTP without the socket: the application answers and the pieces are written."""
    from app import create_app

    app = create_app({"LTT_DATA_DIR": folder, "LTT_LOG_LEVEL": "ERROR"})
    reply = app.test_client().get(f"/api/v1/datasets/1/export?to={to}", buffered=False)
    if reply.status_code != 200:
        raise SystemExit(reply.status)
    with open(out, "wb") as file:
        for piece in reply.iter_encoded():
            file.write(piece)


def count_export(folder: str) -> None:
    """The count that the page of the export to OpenAI shows, as its task makes and keeps it."""
    from app.core.filters import EVERY
    from app.core.spec import parse_target
    from app.factory import create_bare_app
    from app.services import export, tasks

    with create_bare_app({"LTT_DATA_DIR": folder, "LTT_LOG_LEVEL": "ERROR"}).app_context():
        options = export.ExportOptions().complete(parse_target("openai"), EVERY)
        tasks.start(export.COUNT, export.CountRun(1, options), here=True)


def raw_convert(source: str, out: str) -> None:
    """The limit: a bare csv and json loop."""
    with open(source, encoding="utf-8", newline="") as file, open(out, "w", encoding="utf-8") as target:
        reader = csv.reader(file)
        next(reader)
        for question, answer in reader:
            messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
            target.write(json.dumps({"messages": messages}, ensure_ascii=False) + "\n")


def product_convert(source: str, out: str) -> None:
    """The command `ltt convert`."""
    from app.cli import main

    main(["convert", source, out])


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])

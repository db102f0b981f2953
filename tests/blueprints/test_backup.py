"""The page of backups."""

import io


def test_a_file_that_is_no_backup_is_told_about_on_the_page(client):
    page = client.post("/backup/restore", data={"file": (io.BytesIO(b"nonsense"), "notes.db")})
    assert page.status_code == 422 and "Nothing was replaced." in page.text and "Put a backup back" in page.text
    assert page.text.count("<h1>") == 1 and "<h1>Backup and restore</h1>" in page.text


def test_no_file_is_told_about_on_the_page(client):
    page = client.post("/backup/restore", data={})
    assert page.status_code == 422 and "No backup was chosen." in page.text and "Put a backup back" in page.text

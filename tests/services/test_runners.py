"""Lock files by which processes see that a runner is alive."""

import threading

from app.services import runners


def test_a_name_that_a_thread_asked_for_is_given_back_by_another(app):
    names = []

    def ask():
        with app.app_context():
            names.append(runners.me())

    with app.app_context():
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
        assert runners.me() == names[0]
        held = runners.folder() / f"{names[0]}.lock"
        assert held.exists() and not runners.has_died(names[0])
        runners.retire()
        assert not held.exists() and runners.has_died(names[0])

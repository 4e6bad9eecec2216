"""Users, their keys and who has to wait at login; below the console's own pages, which borrow it their look."""

from accounts.admin import login_lock, user, workspace

__all__ = ["login_lock", "user", "workspace"]

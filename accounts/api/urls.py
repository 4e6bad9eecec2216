from django.urls import path
from rest_framework.routers import SimpleRouter

from accounts.api.me import MeView
from accounts.api.user_keys import UserKeysView
from accounts.api.users import UserViewSet

router = SimpleRouter(trailing_slash=False)
router.register("users", UserViewSet)

urlpatterns = [
    path("me", MeView.as_view(), name="me"),
    path("users/<str:user_id>/keys", UserKeysView.as_view(), name="user-keys"),
    *router.urls,
]

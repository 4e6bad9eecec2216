/* Tells the server where the browser is, so that the next page shows its times there. */
"use strict";

(() => {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const secure = location.protocol === "https:" ? ";secure" : "";
    if (zone)
        document.cookie = `ekiden_zone=${zone};path=/admin/;max-age=31536000;samesite=lax${secure}`;

    /* The theme is Django's: kept by this browser, under this name. */
    const choice = document.querySelector("[data-theme-choice]");
    if (!choice)
        return;
    choice.value = localStorage.getItem("theme") || "auto";
    choice.addEventListener("change", () => {
        localStorage.setItem("theme", choice.value);
        document.documentElement.dataset.theme = choice.value;
    });
})();

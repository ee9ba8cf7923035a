// The page is complete without this: it only narrows what is shown, and ties together what belongs together.
"use strict";

const filter = document.getElementById("filter");
filter.hidden = filter.dataset.choices < 2;
filter.addEventListener("change", ({ target }) => {
  for (const part of document.querySelectorAll("[data-threads]")) {
    part.hidden = target.value !== "" && part.dataset.threads !== target.value;
  }
});

// Pointing at a candidate anywhere marks it everywhere.
document.addEventListener("pointerover", ({ target }) => {
  const pointed = target.closest("[data-candidate]")?.dataset.candidate;
  for (const part of document.querySelectorAll("[data-candidate]")) {
    part.classList.toggle("pointed", part.dataset.candidate === pointed);
  }
});

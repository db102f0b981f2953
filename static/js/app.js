// The behaviour of all pages. Everything works without it; attributes named data-… say what it adds.
import { hints, keys } from "./keys.js";
import { toasts } from "./toasts.js";
import { selection } from "./selection.js";
import { conversation } from "./conversation.js";
import { asking, drafts } from "./drafts.js";
import { drops } from "./drops.js";
import { early } from "./early.js";
import { editor } from "./editor.js";
import { focus } from "./focus.js";
import { labels } from "./labels.js";
import { live } from "./live.js";
import { outboxes } from "./outbox.js";
import { overlays } from "./overlays.js";
import { facets } from "./facets.js";
import { forms } from "./forms.js";
import { markdown } from "./markdown.js";
import { menus } from "./menus.js";
import { place } from "./place.js";
import { review } from "./review.js";
import { rows } from "./rows.js";
import { texts } from "./texts.js";
import { writing } from "./writing.js";

document.documentElement.classList.add("js");
const first = [outboxes, texts, labels, review, keys, toasts, selection, conversation, drafts, asking, writing, drops, facets, forms, live];
for (const start of [...first, markdown, menus, rows, place, editor, focus, overlays, early]) start();
// A list that came by itself, such as the result of a search, is made alive too.
document.addEventListener("htmx:after:swap", () => [selection, facets, rows, drafts, hints].forEach((start) => start()));

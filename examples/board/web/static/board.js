"use strict";
const entries = document.getElementById("entries");

// Changes come as the HTML of an entry: the one that is there is replaced, a new one comes first.
if (entries) {
	const events = new EventSource("/events?after=" + entries.dataset.event);
	events.addEventListener("entry", (event) => {
		const box = document.createElement("template");
		box.innerHTML = event.data;
		const entry = box.content.firstElementChild;
		const old = document.getElementById(entry.id);
		const newest = entries.firstElementChild;
		if (old) old.replaceWith(entry);
		else if (!newest || Number(newest.dataset.id) < Number(entry.dataset.id)) entries.prepend(entry);
		document.querySelector(".empty")?.remove();
	});
	addEventListener("pagehide", () => events.close());
}

// Files show how far they are. Without scripts the form is sent as any other.
document.getElementById("post")?.addEventListener("submit", (event) => {
	const form = event.target, bar = form.querySelector("progress");
	if (![...form.elements.file.files].length) return;
	event.preventDefault();
	const sending = new XMLHttpRequest();
	sending.upload.onprogress = (at) => { bar.hidden = false; bar.value = at.loaded / at.total; };
	sending.onload = () => {
		if (sending.status < 400) return location.assign("/");
		document.open();
		document.write(sending.responseText);
		document.close();
	};
	sending.onerror = () => { bar.hidden = true; alert("The files could not be sent."); };
	sending.open("POST", form.action);
	sending.setRequestHeader("Accept", "text/html");
	sending.send(new FormData(form));
});

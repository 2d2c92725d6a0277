/* What HTML cannot do: focus and status after swaps, copying, steppers, single-key shortcuts, a timer for the counts.
   Everything is delegated from document, so nothing has to be bound again after a swap. */
(function () {
  'use strict';
  var doc = document, root = doc.documentElement;
  root.classList.add('js');

  function one(selector, from) { return (from || doc).querySelector(selector); }
  function up(element, selector) { return element && element.closest ? element.closest(selector) : null; }

  /* ---- status line: short messages, read out, gone after a while ---- */
  var fading;
  function say(text) {
    var line = one('#status');
    if (line) { line.textContent = text; fade(line); }
  }
  function word(name) { var line = one('#status'); return (line && line.getAttribute('data-' + name)) || ''; }
  function fade(line) {
    clearTimeout(fading);
    fading = setTimeout(function () {
      if (line.contains(doc.activeElement) || (line.matches && line.matches(':hover'))) { fade(line); } else { line.textContent = ''; }
    }, 10000);
  }

  /* ---- focus: errors first, and never lost after a swap ---- */
  function focusOn(element) {
    if (!element) { return; }
    if (element.tabIndex < 0 && !element.hasAttribute('tabindex')) { element.setAttribute('tabindex', '-1'); }
    element.focus();
  }
  function ready(run) { if (doc.readyState === 'loading') { doc.addEventListener('DOMContentLoaded', run); } else { run(); } }
  ready(function () {
    focusOn(one('[data-focus]'));
    keysChanged();
  });
  doc.addEventListener('htmx:after:swap', function (event) {
    var ctx = event.detail.ctx, target = ctx.target;
    if (target && !target.isConnected && target.id) { target = doc.getElementById(target.id); }
    var wanted = target && one('.sum[data-focus]', target);
    if (wanted || doc.activeElement === doc.body || !doc.activeElement) {
      focusOn(wanted || (target && (one('[data-focus]', target) || one('h1,h2,h3', target) || target)));
    }
    var line = one('#status');
    if (line && line.textContent) { fade(line); }
    keysChanged();
  });

  /* ---- busy marks and network trouble ---- */
  function polls(element) { return !!element.hasAttribute && element.hasAttribute('data-poll'); }
  function mark(event, busy) {
    var target = event.detail.ctx && event.detail.ctx.target;
    if (target && target.id) { target = doc.getElementById(target.id) || target; }
    if (!target || !target.setAttribute || polls(event.target)) { return; }
    if (busy) { target.setAttribute('aria-busy', 'true'); } else { target.removeAttribute('aria-busy'); }
  }
  doc.addEventListener('htmx:before:request', function (event) { mark(event, true); });
  doc.addEventListener('htmx:finally:request', function (event) { mark(event, false); });
  doc.addEventListener('htmx:response:error', function (event) {
    if (event.detail.ctx.response.status >= 500) { say(word('trouble')); }
  });
  doc.addEventListener('htmx:error', function (event) {
    if (!polls(event.target) && event.detail.ctx) { say(word(navigator.onLine === false ? 'offline' : 'trouble')); }
  });

  /* ---- filters: fields that stand outside their form tell it; typing replaces the address, choosing adds to the history ---- */
  function tell(event) {
    var field = event.target, form = field.form;
    if (!form || form.contains(field) || !form.hasAttribute('hx-get')) { return; }
    var typing = field.type === 'search';
    if ((event.type === 'input') === typing) { form.dispatchEvent(new CustomEvent(typing ? 'typed' : 'outside')); }
  }
  doc.addEventListener('input', tell);
  doc.addEventListener('change', tell);
  doc.addEventListener('htmx:config:request', function (event) {
    var ctx = event.detail.ctx;
    if (ctx.sourceEvent && ctx.sourceEvent.type === 'typed') { ctx.push = null; ctx.replace = 'true'; }
  });

  /* ---- clicks: copy, print, stepper, shortcut switch ---- */
  function copy(selector) {
    var text = (one(selector) || {}).innerText || '';
    function done() { say(word('copied')); }
    if (navigator.clipboard && window.isSecureContext) { navigator.clipboard.writeText(text).then(done); return; }
    var area = doc.createElement('textarea');
    area.value = text; area.className = 'vh'; doc.body.appendChild(area); area.select();
    if (doc.execCommand('copy')) { done(); }
    area.remove();
  }
  function step(button) {
    var input = one('input', up(button, '[data-stepper]')), n = parseInt(input.value, 10) || 0;
    var least = parseInt(input.getAttribute('data-min'), 10), most = parseInt(input.getAttribute('data-max'), 10);
    n += parseInt(button.value, 10);
    if (n < least) { n = least; }
    if (n > most) { n = most; }
    input.value = n;
    input.dispatchEvent(new Event('change', { bubbles: true }));
    say(String(n));
  }
  doc.addEventListener('click', function (event) {
    var hit = up(event.target, '[data-copy]');
    if (hit) { copy(hit.getAttribute('data-copy')); return; }
    if (up(event.target, '[data-print]')) { window.print(); return; }
    hit = up(event.target, '[data-stepper] button');
    if (hit) { event.preventDefault(); step(hit); return; }
    if (up(event.target, '[data-keys-toggle]')) { setKeys(!keysOn()); return; }
    hit = up(event.target, '[data-fill]');
    if (hit) { fill(hit); }
  });
  doc.addEventListener('change', function (event) {
    var all = event.target;
    if (!all.matches || !all.matches('[data-all]')) { return; }
    doc.querySelectorAll('input[type=checkbox][name="' + all.getAttribute('data-all') + '"]').forEach(function (box) { box.checked = all.checked; });
  });
  function fill(button) {
    var field = one(button.getAttribute('data-fill'));
    if (!field) { return; }
    field.value = button.getAttribute('data-value');
    field.dispatchEvent(new Event('input', { bubbles: true }));
    field.focus();
  }

  /* ---- single-key shortcuts: [data-key=j|k|a|r|/], off when the person says so (WCAG 2.1.4) ---- */
  function keysOn() { try { return localStorage.getItem('keys') !== 'off'; } catch (refused) { return true; } }
  function setKeys(on) { try { localStorage.setItem('keys', on ? 'on' : 'off'); } catch (refused) { /* private window: stays on */ } keysChanged(); }
  function keysChanged() {
    var toggle = one('[data-keys-toggle]');
    if (toggle) { toggle.textContent = toggle.getAttribute(keysOn() ? 'data-off' : 'data-on'); }
  }
  doc.addEventListener('keydown', function (event) {
    if (event.key === 'Escape' && location.hash === '#menu') { location.hash = '#main'; return; }
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || !keysOn()) { return; }
    if (up(event.target, 'input,textarea,select,[contenteditable]')) { return; }
    var key = event.key.toLowerCase();
    if ('jkar/'.indexOf(key) < 0 || key.length !== 1) { return; }
    var hit = one('[data-key="' + key + '"]');
    if (!hit || hit.disabled) { return; }
    event.preventDefault();
    if (hit.matches('input,textarea')) { hit.focus(); hit.select(); } else { hit.click(); }
  });

  /* ---- counts: ask every minute while somebody looks ---- */
  setInterval(function () {
    if (doc.visibilityState !== 'visible') { return; }
    doc.querySelectorAll('[data-poll]').forEach(function (element) { element.dispatchEvent(new CustomEvent('poll')); });
  }, 60000);
}());

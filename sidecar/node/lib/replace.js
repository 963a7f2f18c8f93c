// A function in the place of one of Node's.
'use strict';

/**
 * Puts make(stock) in the place of the function object[name], which it gets. Name, length and what else hangs on the
 * stock one (util.promisify finds its arguments there) are carried over.
 */
function replace(object, name, make) {
	const stock = object[name];
	const ours = make(stock);
	const { prototype, ...kept } = Object.getOwnPropertyDescriptors(stock);
	Object.defineProperties(ours, kept);
	object[name] = ours;
}

/**
 * A class in the place of one of Node's: the same one, but made(instance) has been called of whatever is constructed,
 * and the arguments have gone through given(). Subclasses and instanceof work on.
 */
function replaceClass(object, name, { given = (args) => args, made = () => {} }) {
	const stock = object[name];
	object[name] = new Proxy(stock, {
		construct(target, args, newTarget) {
			const instance = Reflect.construct(target, given(args), newTarget);
			made(instance);
			return instance;
		},
	});
	Object.defineProperty(stock.prototype, 'constructor', { value: object[name], writable: true, configurable: true });
}

module.exports = { replace, replaceClass };

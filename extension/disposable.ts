/** What can be ended: the editor's disposables and ours. */
export interface Disposable {
  dispose(): unknown;
}

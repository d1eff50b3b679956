//! Loads a view and renders it, or the page that says why not.

use crate::{api::ApiError, components::Empty, paths, viewer::Viewer};
use leptos::prelude::*;
use std::future::Future;

/// Awaits `view` and renders it. The page is complete when it is sent: routes render with `SsrMode::Async`.
pub fn load<T, V>(
    view: impl Future<Output = Result<T, ApiError>> + Send + 'static,
    render: impl FnOnce(T) -> V + Send + 'static,
) -> impl IntoView
where
    T: Send + 'static,
    V: IntoView + 'static,
{
    view! {
        <Suspense fallback=|| ()>
            {Suspend::new(async move {
                match view.await {
                    Ok(value) => render(value).into_any(),
                    Err(error) => view! { <Failed error=error/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

/// Why a page has nothing to show, with the right HTTP status.
#[component]
pub fn Failed(
    /// What went wrong.
    error: ApiError,
) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    // A draft that was sent meanwhile answers "changed" to its editing pages.
    let missing = matches!(error, ApiError::NotFound | ApiError::Changed);
    #[cfg(feature = "ssr")]
    if let Some(response) = use_context::<leptos_axum::ResponseOptions>().filter(|_| error != ApiError::Changed) {
        response.set_status(if missing { axum::http::StatusCode::NOT_FOUND } else { axum::http::StatusCode::INTERNAL_SERVER_ERROR });
    }
    if missing {
        view! { <Empty title=lang.not_found_title() text=lang.not_found_text() href=paths::INSTANCES.to_owned() action=lang.to_instances()/> }.into_any()
    } else {
        view! { <Empty title=lang.failed_title() text=lang.failed_text() href=viewer.here.clone() action=lang.try_again()/> }.into_any()
    }
}

//! Any address that is no page.

use crate::{
    api::ApiError,
    components::{Failed, PageHead},
    viewer::Viewer,
};
use leptos::prelude::*;

/// 404.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    let lang = Viewer::current().lang;
    view! { <PageHead title=lang.not_found_title()/><Failed error=ApiError::NotFound/> }
}
